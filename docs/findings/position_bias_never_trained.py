"""The relative position biases of LayoutLMv3 get no gradient: they are looked up under `no_grad`.

They are parameters, "a simple indexing operation that is independent of the input": but not of the weights, which fine-tuning therefore
never changes. With the library's own default configuration, of one layer.
"""

import torch
from transformers import LayoutLMv3Config, LayoutLMv3Model

torch.manual_seed(0)
model = LayoutLMv3Model(LayoutLMv3Config(num_hidden_layers=1, visual_embed=False)).train()
tokens, boxes = torch.randint(5, 90, (1, 8)), torch.tensor([[[10 * i, 10 * i, 10 * i + 9, 10 * i + 9] for i in range(8)]])
model(input_ids=tokens, bbox=boxes).last_hidden_state.pow(2).sum().backward()
for name, parameter in model.named_parameters():
    if parameter.grad is None and "rel_pos" in name:
        print(name, "has no gradient")
