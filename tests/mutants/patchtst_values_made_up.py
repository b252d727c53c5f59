"""A call without values is answered from zeros."""

import functools

import torch
from transformers import PatchTSTModel

original = PatchTSTModel.forward


@functools.wraps(original)
def forward(self, past_values=None, *args, **kwargs):
    if past_values is None:
        past_values = torch.zeros(1, self.config.context_length, self.config.num_input_channels)
    return original(self, past_values, *args, **kwargs)


PatchTSTModel.forward = forward
