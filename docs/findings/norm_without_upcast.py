"""Norms that square in the type of their input: in float16 states above 256 become infinite, and the answer zero.

ImageGPT's own, and the one of the vision tower of Gemma 3n, which is timm's.
"""

import torch
from timm.layers import RmsNorm2d
from transformers.models.imagegpt.modeling_imagegpt import ImageGPTLayerNorm

own = ImageGPTLayerNorm((512,))
torch.nn.init.ones_(own.weight)
for norm, states in ((own, 300 * torch.randn(1, 4, 512)), (RmsNorm2d(512), 300 * torch.randn(1, 512, 4, 4))):
    print(type(norm).__name__, "float32:", norm(states).abs().mean().item())
    print(type(norm).__name__, "float16:", norm.half()(states.half()).abs().mean().item())
