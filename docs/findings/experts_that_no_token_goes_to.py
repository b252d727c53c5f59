"""NLLB-MoE sends every token to experts 0 and 1, however many there are.

The router gives out which experts a token goes to as a mask of zeros and ones, one column for each expert (`top_1_mask`). The experts
read it as an index (`one_hot(router_mask)`), so that expert 0 is called for the zeros and expert 1 for the ones; the third and all
after it are never called, and get no gradient. With the sizes of transformers' own test (`NllbMoeModelTester`: four experts).
"""

import torch
from transformers import NllbMoeConfig, NllbMoeModel

torch.manual_seed(0)
config = NllbMoeConfig(
    vocab_size=99,
    d_model=16,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=4,
    decoder_attention_heads=4,
    encoder_ffn_dim=4,
    decoder_ffn_dim=4,
    max_position_embeddings=64,
    expert_capacity=100,
    router_jitter_noise=0.0,
    num_experts=4,
    encoder_sparse_step=1,
    decoder_sparse_step=1,
)
model = NllbMoeModel(config).eval()
experts = model.encoder.layers[0].ffn.experts
for name, expert in experts.items():
    expert.register_forward_hook(lambda *_, name=name: print(name, "is called"))
chosen = []
model.encoder.layers[0].ffn.router.classifier.register_forward_hook(
    lambda module, inputs, logits: chosen.append(logits.argmax(-1))
)
tokens = torch.randint(3, 99, (2, 32))
model(input_ids=tokens, decoder_input_ids=tokens[:, :4])
print("experts that the router chose first:", sorted(set(chosen[0].tolist())))
