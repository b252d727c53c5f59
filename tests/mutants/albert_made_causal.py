"""A flag left over from a decoder makes fused attention causal wherever there is no mask."""

import functools

from transformers.models.albert.modeling_albert import AlbertAttention

original = AlbertAttention.__init__


@functools.wraps(original)
def __init__(self, *args, **kwargs):
    original(self, *args, **kwargs)
    self.is_causal = True


AlbertAttention.__init__ = __init__
