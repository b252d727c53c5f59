"""The encoders stop one layer early."""

import functools

from transformers.models.clip.modeling_clip import CLIPEncoder

original = CLIPEncoder.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    layers = self.layers
    self.layers = layers[:-1]
    try:
        return original(self, *args, **kwargs)
    finally:
        self.layers = layers


CLIPEncoder.forward = forward
