"""A clip of frames is standardised over clips instead of frames: a single one gives 0 / 0."""

import functools

from transformers.models.dinov2_with_registers.modeling_dinov2_with_registers import Dinov2WithRegistersModel

original = Dinov2WithRegistersModel.forward


@functools.wraps(original)
def forward(self, pixel_values=None, *args, **kwargs):
    if pixel_values is not None and pixel_values.ndim == 5:
        pixel_values = ((pixel_values - pixel_values.mean(dim=0)) / pixel_values.std(dim=0)).flatten(0, 1)
    return original(self, pixel_values, *args, **kwargs)


Dinov2WithRegistersModel.forward = forward
