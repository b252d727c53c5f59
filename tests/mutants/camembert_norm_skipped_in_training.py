"""The norm behind the embeddings is for eval mode alone."""

from transformers.models.camembert.modeling_camembert import CamembertEmbeddings

original = CamembertEmbeddings.forward


def forward(self, *args, **kwargs):
    norm = self.LayerNorm.forward
    if self.training:
        self.LayerNorm.forward = lambda states: states
    try:
        return original(self, *args, **kwargs)
    finally:
        self.LayerNorm.forward = norm


CamembertEmbeddings.forward = forward
