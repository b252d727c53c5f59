"""The relative position bias of a generated token is that of the first one: the past is not counted."""

import functools

from transformers.models.umt5.modeling_umt5 import UMT5Attention

original = UMT5Attention.compute_bias


@functools.wraps(original)
def compute_bias(self, *args, past_seen_tokens=0, **kwargs):
    return original(self, *args, past_seen_tokens=0, **kwargs)


UMT5Attention.compute_bias = compute_bias
