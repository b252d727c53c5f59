"""The real convolutions run, with weights that skip what makes them anew: the norm of a weight norm, the standardisation."""

import torch
from torch.nn.utils import parametrizations
from transformers.models.bit.modeling_bit import WeightStandardizedConv2d

parametrizations._WeightNorm.forward = lambda self, magnitude, direction: direction
WeightStandardizedConv2d.forward = torch.nn.Conv2d.forward
