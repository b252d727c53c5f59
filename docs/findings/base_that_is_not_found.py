"""A base model does not find its weights in the files of a class with a head, and begins with new ones.

deepseek_v4: not its last norm. Of the names of released checkpoints `.norm.` becomes `.kv_norm.` (`conversion_mapping.py`), and so does that
of `model.norm.weight`, which the class with the head has written itself.

lighton_ocr: none of them. The base says that it has no prefix (`base_model_prefix = ""`), and the class with the head keeps it as `model`.

sapiens2: none of them. Classes with heads keep the base as `model`, as the prefix says; but the base itself keeps its layers as `model`, so
that the prefix is taken for its own.

Prints how many tensors of the base are missing, of how many, and which are in the files and unexpected.
"""

import tempfile

import torch
from transformers import (
    DeepseekV4Config,
    DeepseekV4ForCausalLM,
    DeepseekV4Model,
    LightOnOcrConfig,
    LightOnOcrForConditionalGeneration,
    LightOnOcrModel,
    Sapiens2Config,
    Sapiens2ForSemanticSegmentation,
    Sapiens2Model,
)


def tell(name: str, head: torch.nn.Module, base: type) -> None:
    with tempfile.TemporaryDirectory() as folder:
        head.save_pretrained(folder)
        loaded, info = base.from_pretrained(folder, output_loading_info=True)
    missing, unexpected = info["missing_keys"], sorted(info["unexpected_keys"])
    print(f"{name}: {len(missing)} of {len(loaded.state_dict())} missing, as {sorted(missing)[0]}; unexpected, as {unexpected[-1]}")


sizes = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
config = DeepseekV4Config(num_hidden_layers=1, hidden_size=128, vocab_size=64, n_routed_experts=8, moe_intermediate_size=64)
tell("deepseek_v4", DeepseekV4ForCausalLM(config), DeepseekV4Model)
text = {"model_type": "qwen3", "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 64, **sizes}
vision = {"model_type": "pixtral", "image_size": 28, "patch_size": 14, **sizes}
config = LightOnOcrConfig(text_config=text, vision_config=vision, image_token_id=1)
tell("lighton_ocr", LightOnOcrForConditionalGeneration(config), LightOnOcrModel)
head = {"upsample_out_channels": [16], "upsample_kernel_sizes": [4], "conv_out_channels": [16], "conv_kernel_sizes": [1]}
config = Sapiens2Config(image_size=[32, 32], patch_size=16, head_config=head, num_key_value_heads=2, **sizes)
tell("sapiens2", Sapiens2ForSemanticSegmentation(config), Sapiens2Model)
