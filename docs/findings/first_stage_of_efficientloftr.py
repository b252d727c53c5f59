"""The first stage that refines a match has no effect: `_get_first_stage_fine_matching` looks the offset of the best pixel up along the axis
of key points (`torch.gather(grid, 1, ...)`), where all entries are the same, and always gets that of the window's first pixel. In the
original, which has no axis of pairs, axis 1 is that of the window's pixels. So it is with the two softmaxes before (axes 1 and 2): here the
first is over the key points, and how sure a match is depends on which others there are.

Prints the best pixels and the offsets that come out for confidences whose greatest value is at another pixel for each of 64 key points.
"""

import torch
from transformers import EfficientLoFTRConfig, EfficientLoFTRForKeypointMatching

model = EfficientLoFTRForKeypointMatching(EfficientLoFTRConfig()).eval()
confidence = torch.zeros(1, 64, 64, 64)
for point in range(64):
    confidence[0, point, point, 63 - point] = 1.0
pixels, points = model._get_first_stage_fine_matching(confidence, torch.zeros(1, 2, 64, 2), 64, 1.0)
for image in (0, 1):
    offsets = points[0, image].unique(dim=0).tolist()
    print(f"image {image}: {pixels[0, image].unique().numel()} best pixels, offsets {offsets}")
