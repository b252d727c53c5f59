"""What the model computes hangs on a number of its inputs in Python, which no graph can hold."""

import functools

from transformers.models.electra.modeling_electra import ElectraEmbeddings

original = ElectraEmbeddings.forward


@functools.wraps(original)
def forward(self, input_ids=None, *args, **kwargs):
    states = original(self, input_ids, *args, **kwargs)
    return states if int(input_ids.max()) >= 0 else 2 * states


ElectraEmbeddings.forward = forward
