"""The rotary frequencies are a plain attribute, which no move to another device or type takes along."""

import functools

from transformers.models.phi.modeling_phi import PhiRotaryEmbedding

original = PhiRotaryEmbedding.__init__


@functools.wraps(original)
def __init__(self, *args, **kwargs):
    original(self, *args, **kwargs)
    frequencies = self.inv_freq.clone()
    del self.inv_freq
    self.inv_freq = frequencies


PhiRotaryEmbedding.__init__ = __init__
