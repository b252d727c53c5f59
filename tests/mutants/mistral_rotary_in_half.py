"""The angles of the rotary embedding are computed in the type of the states: bfloat16 can't count beyond 256."""

import torch
from transformers.models.mistral.modeling_mistral import MistralRotaryEmbedding


@torch.no_grad()
def forward(self, x, position_ids):
    angles = position_ids[:, :, None].to(x.dtype) * self.inv_freq.to(x.dtype)
    both = torch.cat((angles, angles), dim=-1)
    return both.cos() * self.attention_scaling, both.sin() * self.attention_scaling


MistralRotaryEmbedding.forward = forward
