"""OmDet-Turbo in bfloat16 has no anchors at the right and lower edge of one of its levels: 1 - 0.01 and the place of the last cell are one
number there. The comment in the function says that anchors are always made in float32, and its caller hands it the type of the states."""

import torch
from transformers import OmDetTurboConfig
from transformers.models.omdet_turbo.modeling_omdet_turbo import OmDetTurboDecoder

decoder = OmDetTurboDecoder(OmDetTurboConfig()).eval()
for dtype in (torch.float32, torch.float16, torch.bfloat16):
    _, valid = decoder.generate_anchors(((80, 80), (40, 40), (20, 20)), dtype=dtype)
    print(f"{dtype}: {int(valid.sum())} of {valid.numel()} anchors")
