"""Modules whose weights are held as eight-bit integers, with a scale for each row: what `bitsandbytes` and `torchao` make of a model."""

from __future__ import annotations

import torch
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

LARGEST = 127


class _Held:
    """Its `weight` is the integers, as in `bitsandbytes`: code that reads it for itself reads no numbers of the model."""

    def hold(self, axis: int) -> None:
        """Rounds the weight, each row (along the axis) by its own scale."""
        weight = self.weight.detach()
        scale = weight.abs().amax(axis, keepdim=True).clamp(min=torch.finfo(weight.dtype).tiny) / LARGEST
        del self.weight
        self.register_buffer("weight", (weight / scale).round().to(torch.int8))
        self.register_buffer("scale", scale)

    def rounded(self) -> torch.Tensor:
        """The numbers that the integers stand for."""
        return self.weight * self.scale


class Int8Linear(_Held, torch.nn.Linear):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return functional.linear(values, self.rounded(), self.bias)


class Int8Conv1D(_Held, Conv1D):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        product = torch.addmm(self.bias, values.view(-1, values.size(-1)), self.rounded())
        return product.view(values.size()[:-1] + (self.nf,))


KINDS = {torch.nn.Linear: (Int8Linear, 1), Conv1D: (Int8Conv1D, 0)}
"""Which modules are compressed into which, and the axis that shares a scale."""


def compressed(module: torch.nn.Module) -> torch.nn.Module:
    """The module with its weight in eight bits."""
    kind, axis = KINDS[type(module)]
    module.__class__ = kind
    module.hold(axis)
    return module
