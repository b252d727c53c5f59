"""The first row of a batch is treated differently from the others."""

import functools

from transformers.models.bart.modeling_bart import BartEncoderLayer

original = BartEncoderLayer.forward


@functools.wraps(original)
def forward(self, hidden_states, *args, **kwargs):
    hidden_states = hidden_states.clone()
    hidden_states[0] *= 1.01
    return original(self, hidden_states, *args, **kwargs)


BartEncoderLayer.forward = forward
