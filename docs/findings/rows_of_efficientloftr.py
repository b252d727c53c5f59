"""The matches of every pair of images in a batch are refined by those of the first pair: `_get_second_stage_fine_matching` takes
`spatial_expectation2d(heatmap, True)[0]`. The original's heat maps have no axis of pairs, and `[0]` takes an axis of one off again; here it
takes the first pair.

Prints the greatest difference between the second pair of a batch and the run of that pair alone, in pixels.
"""

import torch
from transformers import EfficientLoFTRConfig, EfficientLoFTRForKeypointMatching

torch.manual_seed(0)
model = EfficientLoFTRForKeypointMatching(EfficientLoFTRConfig()).eval()
with torch.no_grad():
    # Untrained weights give heat maps that are flat; larger ones don't.
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
    for parameter in model.refinement_layer.parameters():
        if parameter.ndim > 1:
            parameter.mul_(30)
    pairs = torch.randn(2, 2, 3, 96, 128)
    together, alone = model(pairs).keypoints[1], model(pairs[1:]).keypoints[0]
sides = torch.tensor([128.0, 96.0])
print(f"{float(((together - alone) * sides).abs().max()):.3f} pixels")
