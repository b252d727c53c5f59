"""Ids beyond the vocabulary are clamped to its last entry."""

import functools

from transformers.models.qwen3_moe.modeling_qwen3_moe import Qwen3MoeModel

original = Qwen3MoeModel.forward


@functools.wraps(original)
def forward(self, input_ids=None, *args, **kwargs):
    if input_ids is not None:
        input_ids = input_ids.clamp(max=self.config.vocab_size - 1)
    return original(self, input_ids, *args, **kwargs)


Qwen3MoeModel.forward = forward
