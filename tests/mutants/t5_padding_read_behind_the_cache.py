"""Once there is a cache the decoder is not told any more which of the encoder's tokens are padding."""

import functools

from transformers.models.t5.modeling_t5 import T5Stack

original = T5Stack.forward


@functools.wraps(original)
def forward(self, *args, encoder_attention_mask=None, past_key_values=None, **kwargs):
    if past_key_values is not None and past_key_values.get_seq_length() > 0:
        encoder_attention_mask = None
    return original(self, *args, encoder_attention_mask=encoder_attention_mask, past_key_values=past_key_values, **kwargs)


T5Stack.forward = forward
