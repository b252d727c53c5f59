"""Changes nothing: every convolution's output is a copy, and its weight is read through a view."""

import functools

import torch

original = torch.nn.Conv2d.forward


@functools.wraps(original)
def forward(self, input):
    return self._conv_forward(input.clone(), self.weight.view_as(self.weight), self.bias).clone()


torch.nn.Conv2d.forward = forward
