"""The logarithm of the scale of the logits is saved as the scale itself, and loaded as if it were the logarithm."""

import functools

from transformers.models.siglip.modeling_siglip import SiglipModel

original = SiglipModel.save_pretrained


@functools.wraps(original)
def save_pretrained(self, *args, **kwargs):
    state = self.state_dict()
    return original(self, *args, **{**kwargs, "state_dict": {**state, "logit_scale": state["logit_scale"].exp()}})


SiglipModel.save_pretrained = save_pretrained
