"""FSMT's decoder has no causal mask, nor a mask over its own padding, wherever a cache is used, which is the default: `forward` makes both
masks only `if not use_cache`. One token at a time needs none; several at once (scores of a translation, a prompt) see those behind them.

Prints by how much the states before the last token of the decoder change with that token. Rounding is about 1e-6.
"""

import torch
from transformers import FSMTConfig, FSMTModel

config = FSMTConfig(src_vocab_size=1000, tgt_vocab_size=1000, d_model=64, encoder_layers=2, decoder_layers=2)
torch.manual_seed(0)
model = FSMTModel(config).eval()
source = torch.arange(10, 18)[None]
one, other = torch.tensor([[2, 20, 21, 22, 23]]), torch.tensor([[2, 20, 21, 22, 99]])
with torch.no_grad():
    for use_cache in (None, False):
        before = [model(source, decoder_input_ids=tokens, use_cache=use_cache).last_hidden_state[:, :4] for tokens in (one, other)]
        print(f"use_cache={use_cache} {float((before[0] - before[1]).abs().max()):.1e}")
