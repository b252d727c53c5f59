"""Eager attention repeats the key heads one after the other (0 1 0 1) instead of each by itself (0 0 1 1)."""

from transformers.models.gemma3 import modeling_gemma3


def repeat_kv(hidden_states, n_rep):
    return hidden_states.repeat(1, n_rep, 1, 1)


modeling_gemma3.repeat_kv = repeat_kv
