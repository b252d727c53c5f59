"""Layers are computed again with other random numbers: the gradients are those of another dropout."""

import functools

from torch.utils.checkpoint import checkpoint
from transformers import Wav2Vec2Model

original = Wav2Vec2Model._set_gradient_checkpointing


@functools.wraps(original)
def _set_gradient_checkpointing(self, enable=True, gradient_checkpointing_func=checkpoint, **kwargs):
    return original(self, enable, functools.partial(gradient_checkpointing_func, preserve_rng_state=False), **kwargs)


Wav2Vec2Model._set_gradient_checkpointing = _set_gradient_checkpointing
