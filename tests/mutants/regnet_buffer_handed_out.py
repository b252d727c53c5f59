"""The states are handed out in a buffer that the next call writes over."""

import functools

from transformers.models.regnet.modeling_regnet import RegNetModel

original = RegNetModel.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    output = original(self, *args, **kwargs)
    kept = self.__dict__.setdefault("_states", {})
    shape = output.last_hidden_state.shape
    kept.setdefault(shape, output.last_hidden_state.detach().clone())
    if not output.last_hidden_state.requires_grad:
        output.last_hidden_state = kept[shape].copy_(output.last_hidden_state)
    return output


RegNetModel.forward = forward
