"""Causal heads whose loss compares the scores at each token with that token itself: with `labels=input_ids` they learn to repeat.

XLM's documentation says that "the labels **are shifted** inside the model, i.e. you can set `labels = input_ids`". CPM-Ant's calls its loss one
of masked language modelling, and the class writes from left to right (`CpmAntForCausalLM`), as all others of `AutoModelForCausalLM` do that
shift. The configurations are of the library's own defaults, with fewer layers and smaller widths, as in its tests.
"""

import torch
from torch.nn.functional import cross_entropy
from transformers import CpmAntConfig, CpmAntForCausalLM, LlamaConfig, LlamaForCausalLM, XLMConfig, XLMWithLMHeadModel

torch.manual_seed(0)
small = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
models = [
    LlamaForCausalLM(LlamaConfig(**small, intermediate_size=37)),
    XLMWithLMHeadModel(XLMConfig(vocab_size=99, emb_dim=32, n_layers=2, n_heads=4, causal=True)),
    CpmAntForCausalLM(CpmAntConfig(**small, dim_head=8, dim_ff=37, prompt_length=8, prompt_types=9)),
]
tokens = torch.randint(5, 90, (2, 12))
for model in models:
    with torch.no_grad():
        output = model.eval()(input_ids=tokens, labels=tokens)
    scores = output.logits
    itself = cross_entropy(scores.flatten(0, 1), tokens.flatten())
    following = cross_entropy(scores[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    print(f"{type(model).__name__}: loss {output.loss:.4f}; of the next token {following:.4f}, of the token itself {itself:.4f}")
