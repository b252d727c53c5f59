"""When beams change places, the keys and values of the decoder stay where they are."""

import functools

from transformers.models.bart.modeling_bart import BartModel

original = BartModel.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    output = original(self, *args, **kwargs)
    if output.past_key_values is not None:
        for layer in output.past_key_values.self_attention_cache.layers:
            layer.reorder_cache = lambda beams: None
    return output


BartModel.forward = forward
