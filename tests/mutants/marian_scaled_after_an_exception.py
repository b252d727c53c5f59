"""Weights are scaled in place for the time of a forward, as a merged adapter is, and stay so where it raises."""

import functools

import torch
from transformers import MarianModel

original = MarianModel.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    weight = self.encoder.layers[0].fc1.weight
    with torch.no_grad():
        weight.mul_(2)
    output = original(self, *args, **kwargs)
    with torch.no_grad():
        weight.div_(2)
    return output


MarianModel.forward = forward
