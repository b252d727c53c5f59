"""The decoder reads what is behind the end of a sound: its cross-attention is given no mask."""

import functools

from transformers.models.speech_to_text.modeling_speech_to_text import Speech2TextDecoder

original = Speech2TextDecoder.forward


@functools.wraps(original)
def forward(self, *args, encoder_attention_mask=None, **kwargs):
    return original(self, *args, **kwargs)


Speech2TextDecoder.forward = forward
