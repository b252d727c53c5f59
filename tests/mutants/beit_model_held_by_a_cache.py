"""The cache of a method holds the model: a deleted one stays."""

from functools import lru_cache

from transformers import BeitModel

original = BeitModel.forward


@lru_cache(maxsize=8)
def dtype(self):
    return next(self.parameters()).dtype


def forward(self, pixel_values=None, *args, **kwargs):
    return original(self, pixel_values.to(dtype(self)), *args, **kwargs)


BeitModel.forward = forward
