"""The attention mask never reaches the attention."""

import functools

from transformers.models.bert import modeling_bert

original = modeling_bert.create_bidirectional_mask


@functools.wraps(original)
def no_mask(*args, **kwargs):
    return None


modeling_bert.create_bidirectional_mask = no_mask
