"""Computes the same in another way: attention by einsum, its softmax by hand with the largest score taken off."""

import torch
from transformers.models.roberta.modeling_roberta import RobertaSelfAttention


def forward(self, hidden_states, attention_mask=None, past_key_values=None, **kwargs):
    heads = (*hidden_states.shape[:-1], -1, self.attention_head_size)
    query, key, value = (layer(hidden_states).view(heads) for layer in (self.query, self.key, self.value))
    if past_key_values is not None:
        states = past_key_values.update(key.transpose(1, 2), value.transpose(1, 2), self.layer_idx)
        key, value = (state.transpose(1, 2) for state in states)
    scores = torch.einsum("bqhd,bkhd->bhqk", query, key) * self.scaling
    if attention_mask is None and self.is_causal and query.shape[1] > 1:
        attention_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attention_mask is not None and attention_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    elif attention_mask is not None:
        scores = scores + attention_mask
    weights = (scores - scores.amax(dim=-1, keepdim=True)).exp()
    weights = weights / weights.sum(dim=-1, keepdim=True)
    output = torch.einsum("bhqk,bkhd->bqhd", self.dropout(weights), value)
    return output.flatten(2), weights


RobertaSelfAttention.forward = forward
