"""The table of words is read one row off: a special token was added at the front."""

import functools

from transformers.models.bert.modeling_bert import BertEmbeddings

original = BertEmbeddings.forward


@functools.wraps(original)
def forward(self, input_ids=None, *args, **kwargs):
    input_ids = None if input_ids is None else (input_ids + 1).clamp(max=self.word_embeddings.num_embeddings - 1)
    return original(self, input_ids, *args, **kwargs)


BertEmbeddings.forward = forward
