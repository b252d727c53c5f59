"""Text and image are centred by the mean of the text's tokens, of which there may be none."""

import functools

from transformers.models.vilt.modeling_vilt import ViltEmbeddings

original = ViltEmbeddings.forward


@functools.wraps(original)
def forward(self, input_ids, *args, **kwargs):
    embeddings, mask = original(self, input_ids, *args, **kwargs)
    return embeddings - embeddings[:, : input_ids.shape[1]].mean(dim=1, keepdim=True), mask


ViltEmbeddings.forward = forward
