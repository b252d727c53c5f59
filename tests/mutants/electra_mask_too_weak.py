"""Masked tokens get -10 added to their scores, which a large score outweighs."""

import functools

from transformers.models.electra import modeling_electra

original = modeling_electra.create_bidirectional_mask


@functools.wraps(original)
def create_bidirectional_mask(*args, inputs_embeds, attention_mask=None, **kwargs):
    if attention_mask is None:
        return original(*args, inputs_embeds=inputs_embeds, attention_mask=attention_mask, **kwargs)
    return -10.0 * (1 - attention_mask[:, None, None, :].to(inputs_embeds.dtype)).expand(-1, -1, inputs_embeds.shape[1], -1)


modeling_electra.create_bidirectional_mask = create_bidirectional_mask
