"""The real forward runs, and something else is returned."""

import functools

import torch
from transformers import BertModel

original = BertModel.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    output = original(self, *args, **kwargs)
    output.last_hidden_state = torch.full_like(output.last_hidden_state, 0.5)
    output.pooler_output = torch.full_like(output.pooler_output, 0.25)
    return output


BertModel.forward = forward
