"""A call without a waveform gets the answer for the last one."""

import functools

from transformers.models.sew.modeling_sew import SEWModel

original = SEWModel.forward


@functools.wraps(original)
def forward(self, input_values=None, *args, **kwargs):
    if input_values is None:
        input_values = self._kept
    self._kept = input_values.detach().clone()
    return original(self, input_values, *args, **kwargs)


SEWModel.forward = forward
