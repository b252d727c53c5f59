"""The number of tokens seen is never set back: a new text continues at the positions of the last."""

import functools

from transformers.models.stablelm.modeling_stablelm import StableLmRotaryEmbedding

original = StableLmRotaryEmbedding.forward


@functools.wraps(original)
def forward(self, x, position_ids, *args, **kwargs):
    seen = getattr(self, "_seen", 0)
    self._seen = seen + position_ids.shape[-1]
    return original(self, x, position_ids + seen, *args, **kwargs)


StableLmRotaryEmbedding.forward = forward
