"""The encoder takes the root of values that may be negative."""

import functools

from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

original = WhisperEncoderLayer.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    output = original(self, *args, **kwargs)
    if isinstance(output, tuple):
        return (output[0].sqrt(), *output[1:])
    return output.sqrt()


WhisperEncoderLayer.forward = forward
