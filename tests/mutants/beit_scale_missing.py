"""Eager attention leaves out the scale."""

import functools

from transformers.models.beit import modeling_beit

original = modeling_beit.eager_attention_forward


@functools.wraps(original)
def eager_attention_forward(*args, scaling=None, **kwargs):
    return original(*args, scaling=1.0, **kwargs)


modeling_beit.eager_attention_forward = eager_attention_forward
