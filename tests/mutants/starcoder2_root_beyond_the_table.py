"""Attention is cooled by the root of the positions that are left, which beyond the last one is that of a negative."""

import functools

import torch
from transformers.models.starcoder2.modeling_starcoder2 import Starcoder2RotaryEmbedding

original = Starcoder2RotaryEmbedding.forward


@functools.wraps(original)
def forward(self, x, position_ids, *args, **kwargs):
    cos, sin = original(self, x, position_ids, *args, **kwargs)
    left = torch.sqrt(1 - position_ids / self.max_seq_len_cached)[..., None]
    return cos * left, sin * left


Starcoder2RotaryEmbedding.forward = forward
