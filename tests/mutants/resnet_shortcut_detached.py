"""The shortcut of a residual block is detached: the block below is trained through the convolutions alone."""

import functools

from transformers.models.resnet.modeling_resnet import ResNetShortCut

original = ResNetShortCut.forward


@functools.wraps(original)
def forward(self, input):
    return original(self, input.detach())


ResNetShortCut.forward = forward
