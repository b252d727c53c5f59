"""ImageGPT's norm squares in the type of its input: in float16 states above 256 become infinite, and the answer zero."""

import torch
from transformers.models.imagegpt.modeling_imagegpt import ImageGPTLayerNorm

norm = ImageGPTLayerNorm((512,))
torch.nn.init.ones_(norm.weight)
states = 300 * torch.randn(1, 4, 512)
print("float32:", norm(states).abs().mean().item())
print("float16:", norm.half()(states.half()).abs().mean().item())
