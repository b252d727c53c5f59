"""Moshi's sliding window (`sliding_window`, 3000 tokens) is not kept: the mask is that of full attention, while the cache, made from the
same configuration, keeps as many tokens as the window holds. A prompt at once sees more than the same prompt token by token.

Prints the greatest difference between the two over the tokens within the window, and over those behind it. Rounding is about 1e-6.
"""

import torch
from transformers import DynamicCache, MoshiConfig, MoshiModel

WINDOW, LENGTH = 8, 16
sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "ffn_dim": 128}
config = MoshiConfig(vocab_size=128, sliding_window=WINDOW, **sizes)
torch.manual_seed(0)
model = MoshiModel(config).eval()
tokens = torch.randint(0, 128, (1, LENGTH))
with torch.no_grad():
    at_once = model(tokens).last_hidden_state
    cache = DynamicCache(config=config)
    steps = [model(tokens[:, at : at + 1], past_key_values=cache, use_cache=True).last_hidden_state for at in range(LENGTH)]
    apart = (at_once - torch.cat(steps, 1)).abs()
    print(f"first {WINDOW} {float(apart[:, :WINDOW].max()):.1e}")
    print(f"then {float(apart[:, WINDOW:].max()):.1e}")
