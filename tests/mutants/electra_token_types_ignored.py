"""Token types are overwritten by zeros."""

import functools

import torch
from transformers.models.electra.modeling_electra import ElectraEmbeddings

original = ElectraEmbeddings.forward


@functools.wraps(original)
def forward(self, *args, token_type_ids=None, **kwargs):
    token_type_ids = None if token_type_ids is None else torch.zeros_like(token_type_ids)
    return original(self, *args, token_type_ids=token_type_ids, **kwargs)


ElectraEmbeddings.forward = forward
