"""Angles of positions are taken through a root that is that of a negative beyond the first four hundred."""

import functools

import torch
from transformers.models.olmo2.modeling_olmo2 import Olmo2RotaryEmbedding

original = Olmo2RotaryEmbedding.forward


@functools.wraps(original)
def forward(self, x, position_ids, *args, **kwargs):
    cos, sin = original(self, x, position_ids, *args, **kwargs)
    fade = torch.sqrt(1 - position_ids / 400)[..., None]
    return cos * fade, sin * fade


Olmo2RotaryEmbedding.forward = forward
