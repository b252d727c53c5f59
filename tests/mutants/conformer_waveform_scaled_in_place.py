"""The waveform is brought to unit size in the caller's own memory."""

import functools

from transformers.models.wav2vec2_conformer.modeling_wav2vec2_conformer import Wav2Vec2ConformerModel

original = Wav2Vec2ConformerModel.forward


@functools.wraps(original)
def forward(self, input_values, *args, **kwargs):
    input_values /= input_values.std(dim=-1, keepdim=True)
    return original(self, input_values, *args, **kwargs)


Wav2Vec2ConformerModel.forward = forward
