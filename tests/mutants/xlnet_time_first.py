"""The model works on time-first states, and hands them out so."""

import functools

from transformers.models.xlnet.modeling_xlnet import XLNetModel

original = XLNetModel.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    output = original(self, *args, **kwargs)
    output.last_hidden_state = output.last_hidden_state.transpose(0, 1).contiguous()
    return output


XLNetModel.forward = forward
