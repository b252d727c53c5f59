"""Prompts that a forward takes and `generate` does not.

- xlnet: it puts a token of its own behind the tokens and not behind `token_type_ids`, which its tokenizer gives out.
- qwen2_audio, one token for each sound (the layout of its old processor, which the forward still takes apart): `generate` drops a mask
  that hides nothing, and the layout is made by the mask. With labels the forward refuses it as well: they are laid out with
  `config.ignore_index`, which the configuration has lost.
- qwen2_5_omni_thinker, qwen3_omni_moe_thinker, with an image: positions are counted from `config.vision_start_token_id`, which the
  thinker's configuration has lost (that of the talker has it).
- evolla, with a cache that is allocated before: the mask over the tokens is then one for all pairs, and the attention over the protein
  wants one number for each token.

Prints what each ends in.
"""

import torch
from transformers import (
    EvollaConfig,
    EvollaForProteinText2Text,
    Qwen2_5OmniThinkerConfig,
    Qwen2AudioConfig,
    Qwen2AudioForConditionalGeneration,
    Qwen3OmniMoeThinkerConfig,
    XLNetConfig,
    XLNetLMHeadModel,
)


def show(label, call):
    try:
        with torch.no_grad():
            call()
        print(f"{label:34} runs")
    except Exception as error:
        print(f"{label:34} {type(error).__name__}: {error}"[:150])


tokens = torch.randint(5, 90, (1, 8))
mask = torch.ones_like(tokens)
settings = {"max_new_tokens": 2, "do_sample": False}

xlnet = XLNetLMHeadModel(XLNetConfig(vocab_size=99, d_model=32, n_layer=2, n_head=4, d_inner=64)).eval()
types = torch.zeros_like(tokens)
show("xlnet, forward", lambda: xlnet(tokens, token_type_ids=types))
show("xlnet, generate", lambda: xlnet.generate(tokens, **settings))
show("xlnet, generate with types", lambda: xlnet.generate(tokens, token_type_ids=types, **settings))

part = {
    "d_model": 32,
    "encoder_layers": 1,
    "encoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "num_mel_bins": 16,
    "max_source_positions": 32,
}
text = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "intermediate_size": 64,
}
audio = Qwen2AudioForConditionalGeneration(Qwen2AudioConfig(audio_config=part, text_config=text, audio_token_index=98)).eval()
tokens[:, 2] = 98
sound = {"input_features": torch.randn(1, 16, 64), "feature_attention_mask": torch.ones(1, 64, dtype=torch.int64)}
show("qwen2_audio, forward", lambda: audio(tokens, attention_mask=mask, **sound))
show("qwen2_audio, forward with labels", lambda: audio(tokens, attention_mask=mask, labels=tokens, **sound))
show("qwen2_audio, generate", lambda: audio.generate(tokens, attention_mask=mask, **sound, **settings))

for kind in (Qwen2_5OmniThinkerConfig, Qwen3OmniMoeThinkerConfig):
    show(kind.__name__, lambda kind=kind: kind().vision_start_token_id)

sizes = {
    "vocab_size": 99,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "intermediate_size": 64,
}
resampler = {"resampler_depth": 1, "resampler_dim_head": 8, "resampler_heads": 2, "resampler_num_latents": 4, "aligner_num_add_layers": 1}
protein = {"vocab_size": 30, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
evolla = EvollaForProteinText2Text(EvollaConfig(protein_encoder_config=protein, **sizes, **resampler)).eval()
tokens[:, 2] = 5
inputs = {"protein_input_ids": torch.randint(4, 24, (1, 6)), "protein_attention_mask": torch.ones(1, 6, dtype=torch.int64)}
show("evolla, generate", lambda: evolla.generate(tokens, attention_mask=mask, **inputs, **settings))
settings |= {"use_cache": True, "cache_implementation": "static", "disable_compile": True}
show("evolla, generate with a static cache", lambda: evolla.generate(tokens, attention_mask=mask, **inputs, **settings))
