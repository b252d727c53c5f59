"""`generate` counts positions from 0 for every model whose forward takes `position_ids`. RoBERTa and its kin count from behind the number
of the padding token (2 with the default): what they were trained with, and what a forward without `position_ids` does. The scores of
the very first generated token are others than those of the forward.

Prints the relative difference between the two. Rounding is about 1e-7.
"""

import torch
from transformers import AutoConfig, AutoModelForCausalLM

torch.manual_seed(0)
sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 99, "pad_token_id": 1}
for name in ("bert", "roberta", "camembert", "data2vec-text", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"):
    config = AutoConfig.for_model(name, is_decoder=True, initializer_range=1.0, **sizes)
    if name == "xmod":
        config.languages, config.default_language = ["en_XX"], "en_XX"
    model = AutoModelForCausalLM.from_config(config).eval()
    tokens = torch.randint(5, 99, (1, 8))
    with torch.no_grad():
        plain = model(tokens).logits[:, -1]
        generated = model.generate(tokens, max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True).logits[0]
    print(f"{name:22} {float((generated - plain).norm() / plain.norm()):.1e}")
