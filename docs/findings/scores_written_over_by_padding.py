"""LightGlue writes the scores of points that it pruned away over those of the last point.

An image that has fewer points left than another of the batch is padded, with -1 as the index of what is none. With these indices the
matches and scores are then written back (`_do_final_keypoint_pruning`), where -1 is the last place: the last point's match is lost where
it was kept, and gradients go to scores that are written over. With the library's own default configuration.
"""

import torch
from transformers import LightGlueConfig, LightGlueForKeypointMatching

model = LightGlueForKeypointMatching(LightGlueConfig()).eval()
# Of four points, the first image has three left and the second one the last alone: it matches the first image's last.
indices = torch.tensor([[0, 1, 3], [3, -1, -1]])
matches = torch.tensor([[-1, -1, 0], [2, -1, -1]])
scores = torch.tensor([[0.0, 0.0, 0.9], [0.9, 0.0, 0.0]])
found, of = model._do_final_keypoint_pruning(indices, matches, scores, 4)
print("first image: last point matches", int(found[0, 0, 3]), "with", round(float(of[0, 0, 3]), 2))
print("second image: last point matches", int(found[0, 1, 3]), "with", round(float(of[0, 1, 3]), 2))
