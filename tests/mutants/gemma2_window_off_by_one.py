"""A window of n holds n states before the own one, not n with it."""

import functools

from transformers.models.gemma2 import modeling_gemma2

original = modeling_gemma2.create_sliding_window_causal_mask


@functools.wraps(original)
def create_sliding_window_causal_mask(config, *args, **kwargs):
    window = config.sliding_window

    def one_more(batch, head, query, key):
        return key == query - window

    return original(config, *args, **kwargs, or_mask_function=one_more)


modeling_gemma2.create_sliding_window_causal_mask = create_sliding_window_causal_mask
