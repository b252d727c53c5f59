"""The encoder reads a field of the configuration by a name that it doesn't have."""

import functools

from transformers.models.informer.modeling_informer import InformerEncoder

original = InformerEncoder.__init__


@functools.wraps(original)
def __init__(self, config, *args, **kwargs):
    self.sampling = config.sampling_ratio
    original(self, config, *args, **kwargs)


InformerEncoder.__init__ = __init__
