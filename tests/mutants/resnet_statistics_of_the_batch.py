"""A layer normalises by the mean of the batch instead of the running mean."""

import functools

from transformers.models.resnet.modeling_resnet import ResNetConvLayer

original = ResNetConvLayer.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    hidden = original(self, *args, **kwargs)
    return hidden - 0.1 * hidden.mean(dim=0, keepdim=True)


ResNetConvLayer.forward = forward
