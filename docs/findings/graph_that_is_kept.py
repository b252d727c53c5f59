"""Each call of rwkv and xLSTM in eval mode with gradients on keeps its graph, which no collection frees; without a cache nothing stays. The
state in the cache is written in place, by what the graph makes of it.

The sizes are those of the library's own test of rwkv; xLSTM has the chunk of its default configuration, a text shorter than that leaves
nothing.
"""

import gc

import torch
from transformers import RwkvConfig, RwkvModel, xLSTMConfig, xLSTMModel

torch.manual_seed(0)
rwkv = RwkvModel(RwkvConfig(vocab_size=99, hidden_size=32, num_hidden_layers=5, context_length=64)).eval()
xlstm = xLSTMModel(xLSTMConfig(vocab_size=99, hidden_size=64, num_heads=2, num_hidden_layers=2, qk_dim_factor=1.0)).eval()


def tensors():
    gc.collect()
    return sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects())


for model, length in ((rwkv, 7), (xlstm, 64)):
    tokens = torch.randint(99, (13, length))
    for use_cache in (True, False):
        for call in range(4):
            model(tokens, use_cache=use_cache)
            print(f"{type(model).__name__}, use_cache={use_cache}, after call {call + 1}: {tensors()} tensors are alive")
