"""The mask over padded pixels does not reach the maps of the backbone."""

import functools

import torch
from transformers.models.detr.modeling_detr import DetrConvEncoder

original = DetrConvEncoder.forward


@functools.wraps(original)
def forward(self, pixel_values, pixel_mask):
    return original(self, pixel_values, torch.ones_like(pixel_mask))


DetrConvEncoder.forward = forward
