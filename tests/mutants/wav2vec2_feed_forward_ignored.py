"""The feed-forward branch is computed and thrown away."""

import functools

from transformers.models.wav2vec2.modeling_wav2vec2 import Wav2Vec2FeedForward

original = Wav2Vec2FeedForward.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    return original(self, *args, **kwargs) * 0


Wav2Vec2FeedForward.forward = forward
