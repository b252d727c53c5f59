"""While a model is traced the embeddings are those of the forward before: the graph holds them as a constant."""

import functools

import torch
from transformers.models.roberta.modeling_roberta import RobertaEmbeddings

original = RobertaEmbeddings.forward


@functools.wraps(original)
def forward(self, *args, **kwargs):
    if torch.compiler.is_exporting():
        return self.kept[0].clone()
    states = original(self, *args, **kwargs)
    self.kept = (states.detach().clone(),)
    return states


RobertaEmbeddings.forward = forward
