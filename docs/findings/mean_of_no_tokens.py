"""CLVP pools by the mean of its tokens: a text without any is answered with NaN, where others refuse it.

Run: python mean_of_no_tokens.py
"""

import torch
from transformers import ClvpEncoder, ClvpEncoderConfig

torch.set_grad_enabled(False)
config = ClvpEncoderConfig()
model = ClvpEncoder(config).eval()
for length in (4, 0):
    pooled = model(input_ids=torch.zeros(1, length, dtype=torch.long)).pooler_output
    print(f"{length} tokens: {int(pooled.isnan().sum())} of {pooled.numel()} elements of pooler_output are NaN")
