"""BLT lays its patches where the entropy of the next byte is above a threshold, and sums it up in the type of the logits.

In bfloat16 the entropy itself has three digits, and one byte of some hundred falls on the other side of the threshold: the patches, and with
them all states, are others. With the same logits in float32 for this one step none of it happens: `Categorical(logits=logits.float())`.
"""

import torch
from transformers import BltConfig

torch.manual_seed(0)
threshold = BltConfig().patching_threshold
for scale in (5.0, 6.0, 7.0):
    logits = (scale * torch.randn(4096, 260)).bfloat16()
    entropies = torch.distributions.Categorical(logits=logits).entropy().float()
    exact = torch.distributions.Categorical(logits=logits.double()).entropy().float()
    single = torch.distributions.Categorical(logits=logits.float()).entropy()
    borders = [((some > threshold) != (exact > threshold)).sum().item() for some in (entropies, single)]
    print(f"entropy {exact.mean():.2f}: of 4096 bytes {borders[0]} begin a patch, or don't, by rounding alone; in float32 {borders[1]}")
