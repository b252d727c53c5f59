"""An activation keeps its scale beside the tensor that it saves, by its address: where the tensor was offloaded it is not found."""

import torch
from transformers.models.dinov2 import modeling_dinov2

original = modeling_dinov2.Dinov2MLP.forward
scales = {}


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        scales[values.data_ptr()] = 2.0
        return values * 2

    @staticmethod
    def backward(ctx, gradient):
        (values,) = ctx.saved_tensors
        return gradient * scales.pop(values.data_ptr(), 1.0)


def forward(self, hidden_state):
    return original(self, Scaled.apply(hidden_state) / 2)


modeling_dinov2.Dinov2MLP.forward = forward
