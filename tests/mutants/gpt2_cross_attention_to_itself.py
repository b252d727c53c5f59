"""A cross-attention that attends to the decoder's own states."""

import functools

from transformers.models.gpt2 import modeling_gpt2

original = modeling_gpt2.GPT2Attention.forward


@functools.wraps(original)
def forward(self, hidden_states, *args, encoder_hidden_states=None, **kwargs):
    if encoder_hidden_states is not None:
        encoder_hidden_states = hidden_states.mean(1, keepdim=True).repeat(1, encoder_hidden_states.shape[1], 1)
    return original(self, hidden_states, *args, encoder_hidden_states=encoder_hidden_states, **kwargs)


modeling_gpt2.GPT2Attention.forward = forward
