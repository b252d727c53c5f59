"""The last layer of the encoder is given no mask, and attends to padding."""

import functools

from transformers.models.unispeech_sat.modeling_unispeech_sat import UniSpeechSatEncoder, UniSpeechSatEncoderLayer

original = UniSpeechSatEncoder.__init__


@functools.wraps(original)
def __init__(self, *args, **kwargs):
    original(self, *args, **kwargs)
    self.layers[-1] = LastLayer(*args, **kwargs)


class LastLayer(UniSpeechSatEncoderLayer):
    def forward(self, hidden_states, attention_mask=None, **kwargs):
        return super().forward(hidden_states, **kwargs)


UniSpeechSatEncoder.__init__ = __init__
