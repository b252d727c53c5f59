"""Computes the same in another way: rotary tables as complex numbers on the unit circle, made anew in each call."""

import torch
from transformers.models.gemma.modeling_gemma import GemmaRotaryEmbedding


def forward(self, x, position_ids):
    angles = torch.einsum("bt,f->btf", position_ids.float(), self.inv_freq.float())
    circle = torch.polar(torch.full_like(angles, self.attention_scaling), angles)
    circle = torch.cat((circle, circle), dim=-1)
    return circle.real.to(x.dtype), circle.imag.to(x.dtype)


GemmaRotaryEmbedding.forward = torch.no_grad()(forward)
