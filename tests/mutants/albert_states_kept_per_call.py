"""The states of every call are kept in a list that nobody empties."""

import functools

from transformers import AlbertModel

original = AlbertModel.forward
kept = []


@functools.wraps(original)
def forward(self, *args, **kwargs):
    output = original(self, *args, **kwargs)
    kept.append(output.last_hidden_state.detach())
    return output


AlbertModel.forward = forward
