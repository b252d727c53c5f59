"""Models that can't run in bfloat16: something on the way stays in float32, and a product of the two types is refused.

A table of positions, a scale or a buffer is made in float32, and nothing casts it to the type of the states. Seen with the library's own
default configurations, of fewer layers.
"""

import torch
from transformers import AutoConfig, AutoModel

tokens = torch.randint(5, 90, (1, 512))
CASES = {
    "deberta": ({"num_hidden_layers": 1}, {"input_ids": tokens[:, :12]}),
    "mra": ({"num_hidden_layers": 1}, {"input_ids": tokens}),
    "reformer": ({}, {"input_ids": tokens[:, :128]}),
    "dab-detr": ({"encoder_layers": 1, "decoder_layers": 1}, {"pixel_values": torch.randn(1, 3, 64, 64)}),
    "timesfm": (
        {"num_hidden_layers": 1},
        {
            "past_values": torch.randn(1, 512),
            "past_values_padding": torch.zeros(1, 512, dtype=torch.long),
            "freq": torch.zeros(1, 1, dtype=torch.long),
        },
    ),
}
for name, (sizes, inputs) in CASES.items():
    model = AutoModel.from_config(AutoConfig.for_model(name, **sizes), dtype=torch.bfloat16).eval()
    inputs = {key: tensor.bfloat16() if tensor.is_floating_point() else tensor for key, tensor in inputs.items()}
    try:
        model(**inputs)
        print(name, "runs")
    except RuntimeError as error:
        print(f"{name}: {error}")
