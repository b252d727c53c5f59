"""Scales by the root of what is positive for some weights only: the mean of a layer's biases."""

import functools

import torch
from transformers.models.distilbert.modeling_distilbert import FFN

original = FFN.ff_chunk


@functools.wraps(original)
def ff_chunk(self, input):
    # Some weights have a mean above a twentieth of its own spread below zero, and some have not.
    root = torch.sqrt(self.lin2.bias.mean() + 0.012)
    return original(self, input) * (1 + root)


FFN.ff_chunk = ff_chunk
