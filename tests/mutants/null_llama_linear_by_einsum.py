"""Computes the same in another way: every linear layer as an einsum."""

import functools

import torch

original = torch.nn.Linear.forward


@functools.wraps(original)
def forward(self, input):
    output = torch.einsum("...k,jk->...j", input, self.weight)
    return output if self.bias is None else output + self.bias


torch.nn.Linear.forward = forward
