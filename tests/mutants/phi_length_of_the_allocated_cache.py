"""The past is taken to be as long as the cache's memory, which may be allocated before it is filled."""

import functools

import torch
from transformers.models.phi.modeling_phi import PhiModel

original = PhiModel.forward


@functools.wraps(original)
def forward(self, input_ids=None, *args, past_key_values=None, position_ids=None, **kwargs):
    if past_key_values is not None and past_key_values.get_seq_length() > 0:
        position_ids = torch.arange(input_ids.shape[1])[None] + past_key_values.layers[0].keys.shape[-2]
    return original(self, input_ids, *args, past_key_values=past_key_values, position_ids=position_ids, **kwargs)


PhiModel.forward = forward
