"""Code that reads a layer's `weight`, or its type, for itself, where `load_in_8bit` puts integers: bitsandbytes' `Linear8bitLt.weight` is of
the type int8, as here. t5, falcon_mamba and jamba ask before they do (`wo.weight.dtype != torch.int8`, `config._is_quantized`); these don't.

Which layers are compressed is what transformers itself says (`get_modules_to_not_convert`). Each is compared with the same model whose
weights are the numbers that the integers stand for: the two should agree to the last bit. Sizes: 2 layers, all else the default's; of
large models the part that asks, at full size. So do cosmos3_edge and inkling2 (patches), pocket_tts and gradium_phonon_tts (sounds to
continue) and longcat_flash (the scores of its experts: it means to keep that layer as it is, and names its weight instead of the layer).
"""

import copy
import importlib
import warnings

import torch
from torch.nn import functional
from transformers import (
    AutoConfig,
    GraniteSpeech5Encoder,
    GraniteSpeech5EncoderConfig,
    LayoutLMv3Config,
    LayoutLMv3Model,
    MambaConfig,
    MambaModel,
    PreTrainedModel,
    Siglip2VisionConfig,
    Siglip2VisionModel,
    WavLMConfig,
    WavLMModel,
)
from transformers.quantizers.base import HfQuantizer, _assign_is_quantized
from transformers.quantizers.quantizers_utils import should_convert_module

warnings.filterwarnings("ignore")


class Int8Linear(torch.nn.Linear):
    def hold(self):
        weight = self.weight.detach()
        del self.weight
        self.scale = weight.abs().amax(1, keepdim=True) / 127
        self.weight = (weight / self.scale).round().to(torch.int8)
        return self

    def forward(self, values):
        return functional.linear(values, self.weight * self.scale, self.bias)


def compare(name, model, *arguments, **inputs):
    compressed, rounded = copy.deepcopy(model).eval(), copy.deepcopy(model).eval()
    kept = []
    if isinstance(model, PreTrainedModel):
        kept = HfQuantizer.get_modules_to_not_convert(
            model, None, model._keep_in_fp32_modules
        )
    for path, module in list(compressed.named_modules()):
        if type(module) is torch.nn.Linear and should_convert_module(path, kept):
            module.__class__ = Int8Linear
            module.hold()
            rounded.get_submodule(path).weight = torch.nn.Parameter(
                module.weight * module.scale, requires_grad=False
            )
    if isinstance(model, PreTrainedModel):
        _assign_is_quantized(compressed)

    def run(module):
        output = module(*arguments, **inputs)
        return getattr(output, "last_hidden_state", output)

    with torch.no_grad():
        expected = run(rounded)
        try:
            result = run(compressed)
        except RuntimeError as error:
            print(f"{name}: {error}")
            return
    print(
        f"{name}: differs by up to {float((result - expected).abs().max()):.3f} where the largest value is {float(expected.abs().max()):.3f}"
    )


torch.manual_seed(0)
tokens = torch.randint(5, 1000, (1, 8))
compare("mamba", MambaModel(MambaConfig(num_hidden_layers=2)), input_ids=tokens)
boxes = torch.randint(0, 500, (1, 8, 4)).sort(-1).values
layoutlmv3 = LayoutLMv3Model(
    LayoutLMv3Config(
        num_hidden_layers=2,
        has_relative_attention_bias=True,
        has_spatial_attention_bias=True,
    )
)
compare("layoutlmv3", layoutlmv3, input_ids=tokens, bbox=boxes)

# The input is cast to the type of the layer's weight: `layer(values.to(layer.weight.dtype))`, numbers as integers.
patches = {
    "pixel_values": torch.randn(1, 16, 768),
    "pixel_attention_mask": torch.ones(1, 16, dtype=torch.long),
    "spatial_shapes": torch.tensor([[4, 4]]),
}
siglip2 = Siglip2VisionModel(Siglip2VisionConfig(num_hidden_layers=2))
compare("siglip2 (lfm2_vl)", siglip2, **patches)
speech = GraniteSpeech5EncoderConfig(num_hidden_layers=2)
sounds = torch.randn(1, 64, 4 * speech.num_mel_bins)
compare("granite_speech5_encoder (_ctc)", GraniteSpeech5Encoder(speech), sounds)

wavlm = WavLMModel(WavLMConfig(num_hidden_layers=2))
compare("wavlm", wavlm, torch.randn(1, 2000))


def part(model_type, class_name, inputs, *fields):
    """A module of a large model, made from the default configuration or from fields of it."""
    config = AutoConfig.for_model(model_type)
    config = getattr(config, "vision_config", config)
    config = getattr(config, "text_config", config)
    code = importlib.import_module(
        type(config).__module__.replace("configuration", "modeling")
    )
    made = [getattr(config, field) for field in fields] or [config]
    made += [0] if "Indexer" in class_name else []
    compare(
        f"{model_type}, {class_name}",
        getattr(code, class_name)(*made),
        **inputs(config),
    )


def patches_of(config):
    width = getattr(config, "patch_temporal", 1) * 3 * config.patch_size**2
    return {
        "pixel_values": torch.randn(16, width),
        "grid_thw": torch.tensor([[1, 4, 4]]),
    }


def states_of(config):
    rotary = torch.randn(2, 1, 8, config.qk_rope_head_dim)
    causal = torch.full((8, 8), -1e30).triu(1)[None]
    states = {
        "hidden_states": torch.randn(1, 8, config.hidden_size),
        "q_resid": torch.randn(1, 8, config.q_lora_rank),
    }
    return states | {
        "position_embeddings": tuple(rotary),
        "attention_mask": causal,
        "position_ids": torch.arange(8)[None],
    }


def without_positions(config):
    states = states_of(config)
    return {key: states[key] for key in ("hidden_states", "q_resid")} | {
        "attention_mask": torch.ones(1, 8, dtype=torch.bool),
        "past_key_values": None,
    }


part(
    "ernie4_5_vl_moe",
    "Ernie4_5_VLMoePatchEmbed",
    lambda config: {"hidden_states": patches_of(config)["pixel_values"]},
    "patch_size",
    "in_channels",
    "hidden_size",
)
part("muse_glimmer", "MuseGlimmerVisionPatchEmbedder", patches_of)
part("muse_spark", "MuseSparkVisionPatchEmbedder", patches_of)
part("dots3_note_text", "Dots3NoteTextIndexer", states_of)
part("hy_v4", "HYV4Indexer", states_of)
part("glm5_next_text", "Glm5NextTextIndexer", without_positions)
