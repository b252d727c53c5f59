"""An exported rwkv divides its weights again with each call: the first answer is right, those after it are not.

The model divides the weights of later blocks when it is first called in eval mode, and remembers that it did. What is exported before that
has the division in its graph, and nothing to remember it by. `rescale_every` is the default (6): the seventh block is the first one that is
divided.
"""

import copy

import torch
from transformers import RwkvConfig, RwkvModel
from transformers.exporters import DynamoConfig, DynamoExporter

torch.manual_seed(0)
model = RwkvModel(RwkvConfig(vocab_size=99, hidden_size=32, num_hidden_layers=8, context_length=64)).eval()
inputs = {"input_ids": torch.randint(99, (2, 7))}
exported = DynamoExporter().export(copy.deepcopy(model), inputs, DynamoConfig()).program.module()
with torch.no_grad():
    expected = model(**inputs).last_hidden_state
    for call in range(3):
        difference = (exported(**inputs).last_hidden_state - expected).abs().max()
        print(f"call {call + 1}: largest difference to the model {difference:.2g}")
