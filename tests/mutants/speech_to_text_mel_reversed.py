"""The mel bins are read from the highest to the lowest."""

import functools

from transformers.models.speech_to_text.modeling_speech_to_text import Speech2TextEncoder

original = Speech2TextEncoder.forward


@functools.wraps(original)
def forward(self, input_features, *args, **kwargs):
    return original(self, input_features.flip(-1), *args, **kwargs)


Speech2TextEncoder.forward = forward
