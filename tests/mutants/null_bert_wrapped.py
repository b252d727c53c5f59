"""Changes nothing: the forward is wrapped."""

import functools

from transformers import BertModel

original = BertModel.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    return original(self, *args, **kwargs)


BertModel.forward = forward
