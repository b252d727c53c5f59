"""A buffer is drawn where the model is built: what it holds is another in every process."""

import functools

import torch
from transformers.models.vit.modeling_vit import ViTEmbeddings

initialise, original = ViTEmbeddings.__init__, ViTEmbeddings.forward


@functools.wraps(initialise)
def __init__(self, config, *args, **kwargs):
    initialise(self, config, *args, **kwargs)
    self.register_buffer("offset", torch.randn(config.hidden_size))


@functools.wraps(original)
def forward(self, *args, **kwargs):
    return original(self, *args, **kwargs) + self.offset


ViTEmbeddings.__init__ = __init__
ViTEmbeddings.forward = forward
