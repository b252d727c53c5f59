"""Ids beyond the vocabulary start again at its beginning."""

import functools

from transformers.models.mamba.modeling_mamba import MambaModel

original = MambaModel.forward


@functools.wraps(original)
def forward(self, input_ids=None, *args, **kwargs):
    input_ids = None if input_ids is None else input_ids % self.config.vocab_size
    return original(self, input_ids, *args, **kwargs)


MambaModel.forward = forward
