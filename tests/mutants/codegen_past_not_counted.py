"""Positions are counted from zero in each call, however much the cache holds."""

import functools

import torch
from transformers.models.codegen.modeling_codegen import CodeGenModel

original = CodeGenModel.forward


@functools.wraps(original)
def forward(self, input_ids=None, *args, position_ids=None, **kwargs):
    return original(self, input_ids, *args, position_ids=torch.arange(input_ids.shape[-1])[None], **kwargs)


CodeGenModel.forward = forward
