"""Positions are always counted from the ids, whatever the caller gives."""

import functools

from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaEmbeddings

original = XLMRobertaEmbeddings.forward


@functools.wraps(original)
def forward(self, *args, position_ids=None, **kwargs):
    return original(self, *args, position_ids=None, **kwargs)


XLMRobertaEmbeddings.forward = forward
