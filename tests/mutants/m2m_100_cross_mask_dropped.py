"""The decoder attends to the encoder's padding: the mask is not handed on."""

import functools

from transformers.models.m2m_100.modeling_m2m_100 import M2M100Decoder

original = M2M100Decoder.forward


@functools.wraps(original)
def forward(self, *args, encoder_attention_mask=None, **kwargs):
    return original(self, *args, encoder_attention_mask=None, **kwargs)


M2M100Decoder.forward = forward
