"""Drift: the epsilon of every norm is 1e-3."""

from transformers.models.llama.modeling_llama import LlamaRMSNorm

initialise = LlamaRMSNorm.__init__


def __init__(self, hidden_size, eps=1e-6):
    initialise(self, hidden_size, 1e-3)


LlamaRMSNorm.__init__ = __init__
