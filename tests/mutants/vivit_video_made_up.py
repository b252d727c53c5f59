"""A call without a video is answered from a black one."""

import functools

import torch
from transformers.models.vivit.modeling_vivit import VivitModel

original = VivitModel.forward


@functools.wraps(original)
def forward(self, pixel_values=None, *args, **kwargs):
    if pixel_values is None:
        size = self.config.image_size
        size = (size, size) if isinstance(size, int) else tuple(size)
        pixel_values = torch.zeros(1, self.config.num_frames, self.config.num_channels, *size)
    return original(self, pixel_values, *args, **kwargs)


VivitModel.forward = forward
