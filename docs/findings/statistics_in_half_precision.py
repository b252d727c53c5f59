"""TimesFM 2.5 keeps running statistics of a series in the type of its input, counts included: bfloat16 can't count by 32 beyond 8,192.

The mean and the spread of the default context, 16,384 points, are then weighted wrongly; in float16 the spread is two percent off.
"""

import torch
from transformers.models.timesfm2_5.modeling_timesfm2_5 import TimesFm2_5Model

torch.manual_seed(0)
series = torch.randn(1, 512, 32)
for dtype in (torch.float32, torch.float16, torch.bfloat16):
    count, mean, std = torch.zeros(3, 1, dtype=dtype)
    for patch in series.to(dtype).unbind(1):
        count, mean, std = TimesFm2_5Model._update_running_stats(count, mean, std, patch, torch.zeros(1, 32, dtype=torch.bool))
    print(f"{dtype}: {count.item():.0f} points, mean {mean.item():.5f}, spread {std.item():.4f}")
