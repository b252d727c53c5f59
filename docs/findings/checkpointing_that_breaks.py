"""Gradient checkpointing that breaks the training that it is to make smaller, or that is accepted and does nothing.

git and roformer (as a decoder) make a cache in training, and give it to their layers by place, where the library's own layer does not take
it away: the second run of each layer finds the keys of the first. clvp and the base models of PP-OCR say that they support it, and hold
the switch, which no layer reads. Default configurations, of fewer layers.
"""

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, ClvpEncoderConfig
from transformers.models.clvp.modeling_clvp import ClvpEncoder

tokens = torch.randint(5, 90, (1, 12))
CASES = {
    "git": (AutoModel.from_config(AutoConfig.for_model("git", num_hidden_layers=1)), {"input_ids": tokens}),
    "roformer": (
        AutoModelForCausalLM.from_config(AutoConfig.for_model("roformer", num_hidden_layers=1, is_decoder=True)),
        {"input_ids": tokens},
    ),
    "clvp's encoder": (ClvpEncoder(ClvpEncoderConfig(num_hidden_layers=1)), {"input_ids": tokens}),
    "pp_ocrv5_server_rec": (AutoModel.from_config(AutoConfig.for_model("pp_ocrv5_server_rec")), {"pixel_values": torch.randn(1, 3, 48, 320)}),
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
    except (RuntimeError, ValueError) as error:
        print(f"{name}: {error}")
