"""Gradient checkpointing that breaks the training that it is to make smaller, or that is accepted and does nothing.

pi0 asks its vision-language model for a cache, which the library takes away from it while it trains so, and reads what it got.
git and roformer (as a decoder) make a cache in training, and give it to their layers by place, where the library's own layer does not take
it away: the second run of each layer finds the keys of the first. clvp and the base models of PP-OCR say that they support it, and hold
the switch, which no layer reads. Default configurations, of fewer layers.
"""

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, ClvpEncoderConfig
from transformers.models.clvp.modeling_clvp import ClvpEncoder

tokens = torch.randint(5, 90, (1, 12))
sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
text = sizes | {"num_key_value_heads": 1, "head_dim": 16, "vocab_size": 300}
vlm = {"model_type": "paligemma", "text_config": {"model_type": "gemma", **text}, "image_token_id": 299, "projection_dim": 64}
vlm["vision_config"] = {"model_type": "siglip_vision_model", **sizes, "image_size": 28, "patch_size": 14, "projection_dim": 64}
pi0 = AutoConfig.for_model("pi0", vlm_config=vlm, dit_config={"model_type": "gemma", **text})
placed = torch.cat([torch.full((1, 4), 299), tokens], 1)
robot = {"input_ids": placed, "attention_mask": torch.ones_like(placed), "pixel_values": torch.randn(1, 1, 3, 28, 28)}
robot |= {"pixel_attention_mask": torch.ones(1, 1, dtype=torch.bool), "action_embeds": torch.randn(1, 51, 64)}
CASES = {
    "pi0": (AutoModel.from_config(pi0), robot),
    "git": (AutoModel.from_config(AutoConfig.for_model("git", num_hidden_layers=1)), {"input_ids": tokens}),
    "roformer": (
        AutoModelForCausalLM.from_config(AutoConfig.for_model("roformer", num_hidden_layers=1, is_decoder=True)),
        {"input_ids": tokens},
    ),
    "clvp's encoder": (ClvpEncoder(ClvpEncoderConfig(num_hidden_layers=1)), {"input_ids": tokens}),
    "pp_ocrv5_server_rec": (
        AutoModel.from_config(AutoConfig.for_model("pp_ocrv5_server_rec")),
        {"pixel_values": torch.randn(1, 3, 48, 320)},
    ),
}
for name, (model, inputs) in CASES.items():
    calls = 0

    def count(*_: object) -> None:
        global calls
        calls += 1

    for module in model.modules():
        module.register_forward_pre_hook(count)
    try:
        model.train().gradient_checkpointing_enable()
        output = model(**inputs)[0]
        straight = calls
        output.sum().backward()
        print(f"{name}: {straight} calls forward, {calls - straight} more in the backward")
    except (AttributeError, RuntimeError, ValueError) as error:
        print(f"{name}: {error}")
