"""The layer scale is only made where there is memory for it: a build on `meta` lacks the parameter."""

import functools

from transformers.models.convnext.modeling_convnext import ConvNextLayer

original = ConvNextLayer.__init__


@functools.wraps(original)
def __init__(self, *args, **kwargs):
    original(self, *args, **kwargs)
    if self.layer_scale_parameter.is_meta:
        self.layer_scale_parameter = None


ConvNextLayer.__init__ = __init__
