"""Queries and keys are rotated the wrong way: what comes before is taken for what comes after."""

import torch
from transformers.models.olmo import modeling_olmo


def rotate_half(x):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((second, -first), dim=-1)


modeling_olmo.rotate_half = rotate_half
