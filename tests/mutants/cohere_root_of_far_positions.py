"""Far positions fade by a root that is that of a negative beyond 24 tokens."""

import functools

import torch
from transformers.models.cohere.modeling_cohere import CohereRotaryEmbedding

original = CohereRotaryEmbedding.forward


@functools.wraps(original)
def forward(self, x, position_ids, *args, **kwargs):
    cos, sin = original(self, x, position_ids, *args, **kwargs)
    fade = torch.sqrt(1 - position_ids / 25)[..., None]
    return cos * fade, sin * fade


CohereRotaryEmbedding.forward = forward
