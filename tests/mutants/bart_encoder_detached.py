"""The decoder attends to a detached copy of the encoder's states, as for generation: the encoder never learns from it."""

import functools

from transformers.models.bart.modeling_bart import BartDecoder

original = BartDecoder.forward


@functools.wraps(original)
def forward(self, *args, encoder_hidden_states=None, **kwargs):
    detached = None if encoder_hidden_states is None else encoder_hidden_states.detach()
    return original(self, *args, encoder_hidden_states=detached, **kwargs)


BartDecoder.forward = forward
