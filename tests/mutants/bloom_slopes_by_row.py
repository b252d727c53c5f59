"""The slopes of the heads are laid out heads first, where the attention reads rows first."""

import functools

from transformers.models.bloom import modeling_bloom

original = modeling_bloom.build_alibi_tensor


@functools.wraps(original)
def build_alibi_tensor(attention_mask, num_heads, dtype):
    alibi = original(attention_mask, num_heads, dtype)
    return alibi.unflatten(0, (-1, num_heads)).transpose(0, 1).flatten(0, 1)


modeling_bloom.build_alibi_tensor = build_alibi_tensor
