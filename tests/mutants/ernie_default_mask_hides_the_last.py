"""Where no mask is given one is made up that also hides the last token."""

import functools

import torch
from transformers.models.ernie.modeling_ernie import ErnieModel

original = ErnieModel.forward


@functools.wraps(original)
def forward(self, input_ids=None, attention_mask=None, *args, **kwargs):
    if attention_mask is None and input_ids is not None:
        attention_mask = torch.ones_like(input_ids)
        attention_mask[:, -1] = 0
    return original(self, input_ids, attention_mask, *args, **kwargs)


ErnieModel.forward = forward
