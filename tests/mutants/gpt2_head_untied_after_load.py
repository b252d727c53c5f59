"""Loading gives the head a weight of its own."""

import functools

import torch
from transformers.models.gpt2.modeling_gpt2 import GPT2LMHeadModel

original = GPT2LMHeadModel.from_pretrained.__func__


@functools.wraps(original)
def from_pretrained(cls, *args, **kwargs):
    loaded = original(cls, *args, **kwargs)
    model = loaded[0] if isinstance(loaded, tuple) else loaded
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    return loaded


GPT2LMHeadModel.from_pretrained = classmethod(from_pretrained)
