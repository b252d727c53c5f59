"""Computes the same in another way: fused attention is called for one head after the other."""

import functools

import torch
from transformers.models.whisper import modeling_whisper

original = modeling_whisper.ALL_ATTENTION_FUNCTIONS


def by_head(attention, module, query, key, value, mask, **kwargs):
    parts = []
    for head in range(query.shape[1]):
        states = (states[:, head : head + 1] for states in (query, key, value))
        own = mask[:, head : head + 1] if mask is not None and mask.shape[1] > 1 else mask
        parts.append(attention(module, *states, own, **kwargs)[0])
    return torch.cat(parts, dim=2), None


class ByHead:
    def get_interface(self, name, default):
        attention = original.get_interface(name, default)
        return functools.partial(by_head, attention) if name == "sdpa" else attention


modeling_whisper.ALL_ATTENTION_FUNCTIONS = ByHead()
