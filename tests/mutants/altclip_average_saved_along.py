"""A moving average of the weights is saved along, under keys that the model doesn't know."""

import functools

from transformers.models.altclip.modeling_altclip import AltCLIPModel

original = AltCLIPModel.save_pretrained


@functools.wraps(original)
def save_pretrained(self, *args, **kwargs):
    state = self.state_dict()
    average = {f"average.{name}": value.clone() for name, value in state.items()}
    return original(self, *args, **{**kwargs, "state_dict": {**state, **average}})


AltCLIPModel.save_pretrained = save_pretrained
