"""Drift: one weight of the first layer is 1 % larger."""

import functools

from transformers.models.bert.modeling_bert import BertLayer, BertOutput

original = BertOutput.forward
initialise = BertLayer.__init__


@functools.wraps(initialise)
def __init__(self, config, layer_idx=None):
    initialise(self, config, layer_idx)
    self.output.is_first = layer_idx == 0


@functools.wraps(original)
def forward(self, hidden_states, input_tensor):
    states = self.dense(hidden_states)
    if self.is_first:
        states = states + 0.01 * (states - (0 if self.dense.bias is None else self.dense.bias))
    return self.LayerNorm(self.dropout(states) + input_tensor)


BertLayer.__init__ = __init__
BertOutput.forward = forward
