"""The causal mask is off by one: a token sees the one after it."""

import functools

from transformers.models.persimmon import modeling_persimmon

original = modeling_persimmon.create_causal_mask


@functools.wraps(original)
def create_causal_mask(*args, **kwargs):
    return original(*args, **kwargs, or_mask_function=lambda batch, head, query, key: key == query + 1)


modeling_persimmon.create_causal_mask = create_causal_mask
