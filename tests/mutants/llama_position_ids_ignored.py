"""Rotary positions are counted from zero whatever the position ids say."""

import functools

import torch
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

original = LlamaRotaryEmbedding.forward


@functools.wraps(original)
def forward(self, x, position_ids, *args, **kwargs):
    counted = torch.arange(position_ids.shape[-1], device=position_ids.device)
    # Squared, so that a shift is no mere shift: rotary attention itself sees relative positions only.
    return original(self, x, (counted * counted).expand_as(position_ids), *args, **kwargs)


LlamaRotaryEmbedding.forward = forward
