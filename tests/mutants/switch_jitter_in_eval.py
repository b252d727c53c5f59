"""The noise on what the router sees is added in eval mode as well."""

import functools

import torch
from transformers.models.switch_transformers.modeling_switch_transformers import SwitchTransformersTop1Router

original = SwitchTransformersTop1Router.forward


@functools.wraps(original)
def forward(self, hidden_states, *args, **kwargs):
    noise = torch.empty_like(hidden_states).uniform_(1 - self.jitter_noise, 1 + self.jitter_noise)
    return original(self, hidden_states * noise, *args, **kwargs)


SwitchTransformersTop1Router.forward = forward
