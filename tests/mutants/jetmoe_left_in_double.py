"""The last norm computes in float64 and doesn't go back."""

import functools

from transformers.models.jetmoe.modeling_jetmoe import JetMoeModel

original = JetMoeModel.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    output = original(self, *args, **kwargs)
    output.last_hidden_state = output.last_hidden_state.double()
    return output


JetMoeModel.forward = forward
