"""MRA's attention is a CUDA kernel. Without it `mra2_attention` gives out zeros, and no warning says so at the call: queries, keys and
values have no effect on the CPU (`modeling_mra.py`: `if mra_cuda_kernel is None: return torch.zeros_like(query)`).

    python mra_without_its_kernel.py
"""

import torch
from transformers import MraConfig, MraModel

torch.manual_seed(0)
config = MraConfig(
    vocab_size=100,
    hidden_size=64,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=128,
)
model = MraModel(config).eval()
tokens = torch.randint(3, 100, (1, 64))
with torch.no_grad():
    before = model(input_ids=tokens).last_hidden_state
    for layer in model.encoder.layer:
        for projection in (
            layer.attention.self.query,
            layer.attention.self.key,
            layer.attention.self.value,
        ):
            projection.weight.normal_()
    after = model(input_ids=tokens).last_hidden_state
print(
    f"every query, key and value drawn anew: the output differs by {float((after - before).abs().max())}"
)
