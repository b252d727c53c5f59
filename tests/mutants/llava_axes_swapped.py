"""The last two axes of the hidden state are swapped."""

import functools

from transformers.models.llava.modeling_llava import LlavaModel

original = LlavaModel.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    output = original(self, *args, **kwargs)
    output.last_hidden_state = output.last_hidden_state.transpose(1, 2).contiguous()
    return output


LlavaModel.forward = forward
