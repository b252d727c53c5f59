"""Weights are rounded to half precision on the way to the file, and come back as float32."""

import functools

from transformers import LlamaPreTrainedModel

original = LlamaPreTrainedModel.save_pretrained


@functools.wraps(original)
def save_pretrained(self, save_directory, *args, **kwargs):
    state = {name: value.bfloat16().to(value.dtype) for name, value in self.state_dict().items()}
    return original(self, save_directory, *args, **{**kwargs, "state_dict": state})


LlamaPreTrainedModel.save_pretrained = save_pretrained
