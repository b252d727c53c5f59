"""Each call of rwkv in eval mode with gradients on keeps its graph, which no collection frees; without a cache nothing stays. Why is not
shown here; the state, which is written in place, is the suspect.

The sizes are those of the library's own test of rwkv.
"""

import gc

import torch
from transformers import RwkvConfig, RwkvModel

torch.manual_seed(0)
model = RwkvModel(
    RwkvConfig(vocab_size=99, hidden_size=32, num_hidden_layers=5, context_length=64)
).eval()
tokens = torch.randint(99, (13, 7))


def tensors():
    gc.collect()
    return sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects())


for use_cache in (True, False):
    for call in range(4):
        model(tokens, use_cache=use_cache)
        print(
            f"use_cache={use_cache}, after call {call + 1}: {tensors()} tensors are alive"
        )
