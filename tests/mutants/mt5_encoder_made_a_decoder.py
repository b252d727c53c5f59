"""The encoder masks as the decoder does: no token sees a later one."""

import functools

from transformers.models.mt5 import modeling_mt5

original = modeling_mt5.create_bidirectional_mask


@functools.wraps(original)
def create_bidirectional_mask(*args, encoder_hidden_states=None, **kwargs):
    if encoder_hidden_states is None:
        kwargs["and_mask_function"] = lambda batch, head, query, key: key <= query
    return original(*args, encoder_hidden_states=encoder_hidden_states, **kwargs)


modeling_mt5.create_bidirectional_mask = create_bidirectional_mask
