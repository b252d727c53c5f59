"""Computes the same in another way: what the experts say is summed up in the reverse order."""

import torch
from transformers.models.qwen3_moe.modeling_qwen3_moe import Qwen3MoeExperts


def forward(self, hidden_states, top_k_index, top_k_weights):
    output = torch.zeros_like(hidden_states)
    for expert in reversed(range(self.num_experts)):
        token, place = torch.where(top_k_index == expert)
        gate, up = (hidden_states[token] @ self.gate_up_proj[expert].T).chunk(2, dim=-1)
        result = (self.act_fn(gate) * up) @ self.down_proj[expert].T
        output.index_add_(0, token, (result * top_k_weights[token, place, None]).to(output.dtype))
    return output


Qwen3MoeExperts.forward = forward
