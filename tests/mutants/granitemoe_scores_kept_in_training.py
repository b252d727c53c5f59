"""For a balancing loss the scores of every training step are kept, with their graph."""

import functools

from transformers.models.granitemoe.modeling_granitemoe import GraniteMoeModel

original = GraniteMoeModel.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    output = original(self, *args, **kwargs)
    if self.training:
        self.__dict__.setdefault("_balancing", []).append(output.last_hidden_state.mean())
    return output


GraniteMoeModel.forward = forward
