"""Beam search reorders the cache, so that each beam goes on from its own text, and repeats images for every beam.

- minimax: `MiniMaxCache` keeps the states of its lightning attention beside the layers, and has no `reorder_cache` of its own: they stay
  with the beam whose place it was. The score of the sequence that is found is not its log-probability.
- recurrent_gemma: its layers keep the states of their recurrence themselves, where nobody reorders them.
- llama4, fuyu: images are encoded before the first step, and `_expand_multimodal_outputs` repeats `pooler_output` for every beam; these
  two give out `last_hidden_state` only, which stays as it is: "Image features and image tokens do not match".

Prints for the first two the difference between a beam's score and the mean log-probability of its tokens (rounding is about 1e-6), for the
others the exception.
"""

import torch
from transformers import (
    FuyuConfig,
    FuyuForCausalLM,
    Llama4Config,
    Llama4ForConditionalGeneration,
    MiniMaxConfig,
    MiniMaxForCausalLM,
    RecurrentGemmaConfig,
    RecurrentGemmaForCausalLM,
)

NEW = 8
SETTINGS = {"max_new_tokens": NEW, "num_beams": 4, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}

text = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 16,
    "intermediate_size": 64,
}


def worst(model):
    differences = []
    for seed in range(8):
        torch.manual_seed(seed)
        tokens = torch.randint(5, 99, (1, 8))
        found = model.generate(tokens, **SETTINGS, return_dict_in_generate=True, output_scores=True)
        with torch.no_grad():
            scores = model(found.sequences, use_cache=False).logits[:, -NEW - 1 : -1].log_softmax(-1)
        mean = scores.gather(-1, found.sequences[:, -NEW:, None]).mean()
        differences.append(abs(float(found.sequences_scores[0] - mean)))
    return f"{max(differences):.1e}"


for kinds in (["full_attention"] * 2, ["linear_attention", "full_attention"]):
    torch.manual_seed(0)
    config = MiniMaxConfig(vocab_size=99, num_local_experts=2, layer_types=kinds, block_size=4, initializer_range=0.3, **text)
    print("minimax", kinds[0], worst(MiniMaxForCausalLM(config).eval()))
for kinds in (["attention"], ["recurrent", "attention"]):
    torch.manual_seed(0)
    config = RecurrentGemmaConfig(vocab_size=99, lru_width=64, block_types=kinds, **text)
    model = RecurrentGemmaForCausalLM(config).eval()
    for parameter in model.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
    print("recurrent_gemma", kinds[0], worst(model))

vision = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 256, "image_size": 56, "patch_size": 14}
vision |= {"vision_output_dim": 64, "projector_input_dim": 64, "projector_output_dim": 64, "pixel_shuffle_ratio": 0.5}
text |= {"vocab_size": 99, "pad_token_id": 0, "intermediate_size_mlp": 64, "num_local_experts": 2, "num_experts_per_tok": 1}
llama4 = Llama4ForConditionalGeneration(
    Llama4Config(text_config=text, vision_config=vision, image_token_index=98, image_token_id=98)
).eval()
tokens = torch.randint(5, 90, (1, 12))
tokens[:, 2:6] = 98
fuyu_text = {"model_type": "persimmon", "vocab_size": 99, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
fuyu = FuyuForCausalLM(
    FuyuConfig(
        vocab_size=99, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, patch_size=4, image_token_id=98, text_config=fuyu_text
    )
).eval()
for label, model, images in (
    ("llama4", llama4, {"pixel_values": torch.randn(1, 3, 56, 56)}),
    ("fuyu", fuyu, {"pixel_values": torch.randn(1, 4, 48)}),
):
    print(label, "greedy", tuple(model.generate(tokens, **images, **SETTINGS | {"num_beams": 1}).shape))
    try:
        print(label, "beams", tuple(model.generate(tokens, **images, **SETTINGS).shape))
    except Exception as error:
        print(label, "beams", f"{type(error).__name__}: {error}"[:120])
