"""The mask is reduced to lengths, as if padding were always on the right."""

import functools

import torch
from transformers.models.qwen2 import modeling_qwen2

original = modeling_qwen2.create_causal_mask


@functools.wraps(original)
def create_causal_mask(*args, attention_mask=None, **kwargs):
    if attention_mask is not None:
        lengths = attention_mask.sum(dim=-1, keepdim=True)
        attention_mask = (torch.arange(attention_mask.shape[-1]) < lengths).long()
    return original(*args, attention_mask=attention_mask, **kwargs)


modeling_qwen2.create_causal_mask = create_causal_mask
