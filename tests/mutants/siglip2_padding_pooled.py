"""The head pools the patches that pad a smaller image, too."""

import functools

from transformers.models.siglip2.modeling_siglip2 import Siglip2MultiheadAttentionPoolingHead

original = Siglip2MultiheadAttentionPoolingHead.forward


@functools.wraps(original)
def forward(self, hidden_state, attention_mask=None):
    return original(self, hidden_state)


Siglip2MultiheadAttentionPoolingHead.forward = forward
