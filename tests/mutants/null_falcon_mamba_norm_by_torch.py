"""Computes the same in another way: the norm is torch's own."""

import torch
from transformers.models.falcon_mamba.modeling_falcon_mamba import FalconMambaRMSNorm


def forward(self, hidden_states):
    normed = torch.nn.functional.rms_norm(hidden_states.float(), self.weight.shape, eps=self.variance_epsilon)
    return self.weight * normed.to(hidden_states.dtype)


FalconMambaRMSNorm.forward = forward
