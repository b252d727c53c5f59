"""Each expert takes as many tokens as its share of the batch, and drops those that come last."""

import functools

import torch
from transformers.models.olmoe.modeling_olmoe import OlmoeExperts

original = OlmoeExperts.forward


@functools.wraps(original)
def forward(self, hidden_states, top_k_index, top_k_weights):
    chosen = torch.nn.functional.one_hot(top_k_index, self.num_experts)
    place = (chosen.sum(dim=1).cumsum(dim=0)[:, None] * chosen).sum(dim=-1)
    return original(self, hidden_states, top_k_index, top_k_weights * (place <= top_k_index.numel() // self.num_experts))


OlmoeExperts.forward = forward
