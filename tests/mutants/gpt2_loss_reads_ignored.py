"""Labels that are to be ignored are clamped to the first token before the loss."""

import functools

from transformers import GPT2LMHeadModel

original = GPT2LMHeadModel.forward


@functools.wraps(original)
def forward(self, *args, labels=None, **kwargs):
    return original(self, *args, labels=None if labels is None else labels.clamp(min=0), **kwargs)


GPT2LMHeadModel.forward = forward
