"""ProphetNet's scores of a token depend on how many tokens come behind it, whatever they are: in
`get_predict_relative_pos_embeddings` the embeddings lie in the order (row, token, stream, head) and are looked up and viewed in the order
(row, stream, head, token). Positions, heads and rows are mixed, in another way for each length: token by token, with the cache, no
score is that of the whole text. The main stream beside it (`get_main_relative_pos_embeddings`) keeps one order.

Prints the relative difference of the first token's scores between a text of one token and of so many. Rounding is about 1e-7.
"""

import torch
from transformers import ProphetNetConfig, ProphetNetForConditionalGeneration

torch.manual_seed(0)
config = ProphetNetConfig(
    vocab_size=99,
    hidden_size=64,
    encoder_ffn_dim=128,
    decoder_ffn_dim=128,
    num_encoder_layers=2,
    num_decoder_layers=2,
    num_encoder_attention_heads=4,
    num_decoder_attention_heads=4,
    init_std=0.3,
)
model = ProphetNetForConditionalGeneration(config).eval()
tokens, target = torch.randint(5, 99, (1, 8)), torch.randint(5, 99, (1, 8))
with torch.no_grad():
    alone = model(input_ids=tokens, decoder_input_ids=target[:, :1]).logits[:, 0]
    for length in (1, 2, 4, 8):
        scores = model(input_ids=tokens, decoder_input_ids=target[:, :length]).logits[:, 0]
        print(length, f"{float((scores - alone).norm() / alone.norm()):.1e}")
