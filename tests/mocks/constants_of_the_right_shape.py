"""The forward returns constants of the right shape."""

import functools

import torch
from transformers import BertModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

original = BertModel.forward


@functools.wraps(original)
def forward(self, input_ids=None, **kwargs):
    rows, length = input_ids.shape
    width = self.config.hidden_size
    return BaseModelOutputWithPooling(
        last_hidden_state=torch.full((rows, length, width), 0.5),
        pooler_output=torch.full((rows, width), 0.25),
    )


BertModel.forward = forward
