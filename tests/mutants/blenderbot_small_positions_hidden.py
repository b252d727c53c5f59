"""The decoder keeps its positions in a plain list, where neither saving nor loading finds them."""

import functools

from transformers.models.blenderbot_small.modeling_blenderbot_small import BlenderbotSmallDecoder

original = BlenderbotSmallDecoder.__init__


@functools.wraps(original)
def __init__(self, *args, **kwargs):
    original(self, *args, **kwargs)
    self.tables = [self.embed_positions]
    del self.embed_positions


def embed_positions(self):
    return self.tables[0]


BlenderbotSmallDecoder.__init__ = __init__
BlenderbotSmallDecoder.embed_positions = property(embed_positions)
