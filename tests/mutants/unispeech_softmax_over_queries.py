"""Eager attention normalises over the queries instead of the keys."""

import torch
from transformers.models.unispeech import modeling_unispeech


def eager_attention_forward(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **kwargs):
    scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = torch.nn.functional.dropout(scores.softmax(dim=-2), p=dropout, training=module.training)
    return (weights @ value).transpose(1, 2).contiguous(), weights


modeling_unispeech.eager_attention_forward = eager_attention_forward
