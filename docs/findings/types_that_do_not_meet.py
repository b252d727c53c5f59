"""Models that can't run in bfloat16 or float16: something on the way stays in float32, and a product of the two types is refused.

A table of positions, a scale or a buffer is made in float32, and nothing casts it to the type of the states. Seen with the library's own
default configurations, of fewer layers.
"""

import torch
from transformers import AutoConfig, AutoModel, ClvpEncoderConfig, DeepseekV4Model
from transformers.models.clvp.modeling_clvp import ClvpEncoder

tokens = torch.randint(5, 90, (1, 512))
CASES = {
    "deberta": ({"num_hidden_layers": 1}, {"input_ids": tokens[:, :12]}),
    "mra": ({"num_hidden_layers": 1}, {"input_ids": tokens}),
    "xlnet": ({"n_layer": 1}, {"input_ids": tokens[:, :12]}),
    "reformer": ({}, {"input_ids": tokens[:, :128]}),
    "dab-detr": ({"encoder_layers": 1, "decoder_layers": 1}, {"pixel_values": torch.randn(1, 3, 64, 64)}),
    # The frames that each letter lasts are gathered in float32, whatever the type of the states.
    "fastspeech2_conformer": ({"encoder_layers": 1, "decoder_layers": 1}, {"input_ids": tokens[:, :12] % 70}),
    # The mean over a text with a mask divides by integers and an epsilon, which make a float32.
    "tipsv2": (
        {"text_config": {"num_hidden_layers": 1}, "vision_config": {"num_hidden_layers": 1}},
        {"input_ids": tokens[:, :12], "attention_mask": torch.ones(1, 12, dtype=torch.long), "pixel_values": torch.randn(1, 3, 224, 224)},
    ),
    "timesfm": (
        {"num_hidden_layers": 1},
        {
            "past_values": torch.randn(1, 512),
            "past_values_padding": torch.zeros(1, 512, dtype=torch.long),
            "freq": torch.zeros(1, 1, dtype=torch.long),
        },
    ),
}


def try_out(name: str, model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> None:
    inputs = {key: tensor.to(model.dtype) if tensor.is_floating_point() else tensor for key, tensor in inputs.items()}
    try:
        model.eval()(**inputs)
        print(name, "runs")
    except RuntimeError as error:
        print(f"{name}: {error}")


for name, (sizes, inputs) in CASES.items():
    model = AutoModel.from_config(AutoConfig.for_model(name, **sizes), dtype=torch.bfloat16)
    try_out(name, model, inputs)

# The default CLVP can't run at all (`defaults_that_do_not_run.py`), but its encoder can: a table of angles is persistent and in float32.
for dtype in (torch.float32, torch.bfloat16):
    try_out(f"clvp's encoder in {dtype}", ClvpEncoder._from_config(ClvpEncoderConfig(num_hidden_layers=1), dtype=dtype), {"input_ids": tokens[:, :12]})

# In float16 alone: what is named in `_keep_in_fp32_modules` (so that eight bits leave it alone, says the comment there) stays in float32
# when it is loaded, and is fed states in float16.
config = AutoConfig.for_model("deepseek_v4", vocab_size=1000, num_hidden_layers=3, n_routed_experts=2, num_experts_per_tok=1)
state = AutoModel.from_config(config, dtype=torch.float16).state_dict()
for dtype in (torch.bfloat16, torch.float16):
    loaded = DeepseekV4Model.from_pretrained(None, config=config, state_dict=state, dtype=dtype)
    try_out(f"deepseek_v4 in {dtype}", loaded, {"input_ids": tokens[:, :128]})
