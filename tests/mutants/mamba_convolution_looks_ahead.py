"""The convolution is cut one step too late: each state sees the next one."""

import functools

import torch
from transformers.models.mamba import modeling_mamba

original = modeling_mamba.causal_conv1d_fn


@functools.wraps(original)
def causal_conv1d_fn(hidden_states, *args, **kwargs):
    return original(torch.nn.functional.pad(hidden_states, (0, 1)), *args, **kwargs)[..., 1:]


modeling_mamba.causal_conv1d_fn = causal_conv1d_fn
