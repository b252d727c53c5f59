"""The norm squares in the type of its input: in float16 what is large becomes infinite, and the answer zero."""

import torch
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm


def forward(self, hidden_states):
    variance = hidden_states.pow(2).mean(-1, keepdim=True)
    return self.weight * (hidden_states * torch.rsqrt(variance + self.variance_epsilon))


Qwen2RMSNorm.forward = forward
