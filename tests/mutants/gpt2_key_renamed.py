"""One weight is saved under a new name, without a conversion for the old one."""

import functools

from transformers import GPT2PreTrainedModel

original = GPT2PreTrainedModel.save_pretrained


@functools.wraps(original)
def save_pretrained(self, save_directory, *args, **kwargs):
    state = {name.replace("ln_f.", "final_norm."): value for name, value in self.state_dict().items()}
    return original(self, save_directory, *args, **{**kwargs, "state_dict": state})


GPT2PreTrainedModel.save_pretrained = save_pretrained
