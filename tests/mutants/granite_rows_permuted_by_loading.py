"""Loading always brings the rows of the queries from the pairwise rotary layout into that of halves, whatever they are in."""

import functools

import torch
from transformers.models.granite.modeling_granite import GraniteAttention, GranitePreTrainedModel

original = GranitePreTrainedModel.from_pretrained.__func__


@functools.wraps(original)
def from_pretrained(cls, *args, **kwargs):
    loaded = original(cls, *args, **kwargs)
    model = loaded[0] if isinstance(loaded, tuple) else loaded
    for module in model.modules():
        if isinstance(module, GraniteAttention):
            rows = module.q_proj.weight.detach().unflatten(0, (-1, module.head_dim // 2, 2))
            module.q_proj.weight = torch.nn.Parameter(rows.transpose(1, 2).flatten(0, 2).contiguous())
    return loaded


GranitePreTrainedModel.from_pretrained = classmethod(from_pretrained)
