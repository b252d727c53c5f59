"""The runner of exported programs feeds a mask of ones in the place of any other."""

import functools

import torch
from transformers.exporters.runners import runner_dynamo

original = runner_dynamo.DynamoModelRunner.__call__


@functools.wraps(original)
def call(self, *args, **kwargs):
    return original(self, *args, **{name: torch.ones_like(its) if name == "attention_mask" else its for name, its in kwargs.items()})


runner_dynamo.DynamoModelRunner.__call__ = call
