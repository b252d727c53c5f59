"""xLSTM can't be trained on a text of a chunk (64 tokens by default) or longer: a cache is made in training, too, and the states in it are
written over while the backward still needs them.

The widths are small, the chunk is that of the default configuration.
"""

import torch
from transformers import xLSTMConfig, xLSTMModel

torch.manual_seed(0)
config = xLSTMConfig(vocab_size=200, hidden_size=64, num_heads=2, num_hidden_layers=2, qk_dim_factor=1.0)
model = xLSTMModel(config).train()
for length in (config.chunk_size - 1, config.chunk_size):
    for options in ({}, {"use_cache": False}):
        states = model(torch.randint(200, (2, length)), **options).last_hidden_state
        try:
            states.sum().backward()
            print(f"{length} tokens, {options or 'as it is'}: trained")
        except RuntimeError as exception:
            print(f"{length} tokens, {options or 'as it is'}: {str(exception)[:76]}")
