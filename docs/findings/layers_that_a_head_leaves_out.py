"""Weights of a head's model that no forward reads.

data2vec-vision: semantic segmentation takes the hidden states `idx + 1 in out_indices`, to allow for the embeddings, as its comment says.
They stand before the layers, so that it is `idx - 1`: the default's layers 3, 5, 7 and 11 (of 12, counted from 0) are taken two too early,
and the last two layers are computed and thrown away.

beit: its head takes the hidden states `i - 1`, under a comment that `out_indices` count from 1, with the embeddings at 0 (which makes it
`i`): no choice reaches the last layer, and the one that its own error names leaves out the last two.

reformer: `lm_head.bias` of a language model is added to nothing since `decoder.bias = bias` is gone: trained checkpoints lose theirs.

Prints the layers whose weights get no gradient, and how much the scores move with the bias.
"""

import torch
from transformers import (
    BeitConfig,
    BeitForSemanticSegmentation,
    Data2VecVisionConfig,
    Data2VecVisionForSemanticSegmentation,
    ReformerConfig,
    ReformerModelWithLMHead,
)

torch.manual_seed(0)
sizes = {"hidden_size": 96, "num_attention_heads": 4, "intermediate_size": 96}
model = Data2VecVisionForSemanticSegmentation(Data2VecVisionConfig(**sizes)).eval()
model(torch.randn(1, 3, 224, 224)).logits.sum().backward()
layers = model.data2vec_vision.encoder.layer
silent = [i for i, layer in enumerate(layers) if layer.output.dense.weight.grad is None]
print(f"data2vec-vision: of {len(layers)} layers without a gradient: {silent}")

model = BeitForSemanticSegmentation(BeitConfig(**sizes, out_indices=[3, 5, 7, 11]))
model.eval()(torch.randn(1, 3, 224, 224)).logits.sum().backward()
layers = model.beit.layers
silent = [i for i, layer in enumerate(layers) if layer.layernorm_after.weight.grad is None]
print(f"beit: of {len(layers)} layers without a gradient: {silent}")

model = ReformerModelWithLMHead(ReformerConfig(is_decoder=True)).eval()
tokens = torch.arange(1, 65)[None]
with torch.no_grad():
    before = model(tokens).logits
    model.lm_head.bias.fill_(5.0)
    moved = (model(tokens).logits - before).abs().max()
print(f"reformer: scores move by {float(moved)} with a bias of 5")
