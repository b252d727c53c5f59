"""The output of one call leaks into the next."""

import functools

from transformers.models.mamba2.modeling_mamba2 import Mamba2Model

original = Mamba2Model.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    output = original(self, *args, **kwargs)
    hidden = output.last_hidden_state
    before = getattr(self, "_before", None)
    self._before = hidden.detach().mean()
    if before is not None:
        output.last_hidden_state = hidden + 0.01 * before.to(hidden.dtype)
    return output


Mamba2Model.forward = forward
