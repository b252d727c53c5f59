"""Loading leaves the encoder's embedding a copy of the shared one."""

import functools

import torch
from transformers import T5PreTrainedModel

original = T5PreTrainedModel.from_pretrained.__func__


@functools.wraps(original)
def from_pretrained(cls, *args, **kwargs):
    loaded = original(cls, *args, **kwargs)
    model = loaded[0] if isinstance(loaded, tuple) else loaded
    embedding = model.encoder.embed_tokens
    embedding.weight = torch.nn.Parameter(embedding.weight.detach().clone())
    return loaded


T5PreTrainedModel.from_pretrained = classmethod(from_pretrained)
