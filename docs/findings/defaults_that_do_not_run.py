"""Default configurations that transformers itself can't turn into a model that runs: what `AutoModel.from_config(Config())` says of each.

Run: python defaults_that_do_not_run.py
"""

import torch
from transformers import AutoConfig, AutoModel, AutoModelForImageClassification

for name, what in (
    (
        "funnel",
        "two classes share the configuration, and the list that chooses between them is None by default",
    ),
    ("evolla", "EvollaConfig is not in the mapping: its key occurs twice"),
    ("voxtral_realtime_text", "the mapping names a class that does not exist"),
):
    try:
        with torch.device("meta"):
            AutoModel.from_config(AutoConfig.for_model(name))
        print(f"{name}: builds, the finding is gone")
    except (TypeError, ValueError) as error:
        print(
            f"{name}: {what}\n    {type(error).__name__}: {str(error).splitlines()[0][:140]}"
        )

for name in ("deit", "levit", "perceiver"):
    try:
        with torch.device("meta"):
            AutoModelForImageClassification.from_config(AutoConfig.for_model(name))
        print(f"{name}, image classification: builds, the finding is gone")
    except TypeError as error:
        print(
            f"{name}, image classification: as funnel\n    TypeError: {str(error)[:140]}"
        )

for name, sizes in (
    ("bamba", {"num_hidden_layers": 2}),
    ("granitemoehybrid", {"num_hidden_layers": 2}),
):
    config = AutoConfig.for_model(
        name,
        **sizes,
        hidden_size=64,
        num_attention_heads=4,
        num_key_value_heads=4,
        vocab_size=64,
    )
    try:
        AutoModel.from_config(config).eval()(input_ids=torch.arange(8)[None])
        print(f"{name}: runs, the finding is gone")
    except (TypeError, ValueError) as error:
        print(
            f"{name}: the default has no attention layer, and the cache asks one\n    {type(error).__name__}: {str(error)[:140]}"
        )

config = AutoConfig.for_model("clvp")
for part in (config.text_config, config.speech_config, config.decoder_config):
    part.num_hidden_layers = 1
torch.manual_seed(0)
sound = torch.randn(1, config.decoder_config.feature_size, 50)
try:
    AutoModel.from_config(config).eval()(
        input_ids=torch.arange(1, 11)[None], input_features=sound
    )
    print("clvp: runs, the finding is gone")
except IndexError as error:
    known, made = config.speech_config.vocab_size, config.decoder_config.vocab_size
    print(
        f"clvp: the speech encoder knows {known} of the {made:,} codes that the speech decoder gives it\n    IndexError: {error}"
    )
