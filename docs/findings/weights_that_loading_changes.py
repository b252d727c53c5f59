"""Models that come back with other weights, or types, than they were saved with.

chinese_clip: loading zeroes the row of the padding token. Buffers that are not saved make the module of the embeddings count as not
initialised, and `_init_weights` then zeroes a view of the table, which no flag guards. funnel: the same.

rwkv: in eval mode the first forward divides the weights of later layers by powers of two in place, for float16. What is saved after it is
divided, and nothing says so: once loaded, the first forward divides it again.

oneformer: one parameter is made from a NumPy number and is float64, whatever type is asked for.
"""

import tempfile

import torch
from transformers import (
    ChineseCLIPConfig,
    ChineseCLIPModel,
    FunnelConfig,
    FunnelModel,
    OneFormerConfig,
    OneFormerForUniversalSegmentation,
    RwkvConfig,
    RwkvModel,
)


def again(model: torch.nn.Module, **options: torch.dtype) -> torch.nn.Module:
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return type(model).from_pretrained(folder, **options)


@torch.no_grad()
def chinese_clip() -> None:
    config = ChineseCLIPConfig()
    config.text_config.num_hidden_layers = config.vision_config.num_hidden_layers = 1
    model = ChineseCLIPModel(config)
    model.text_model.embeddings.word_embeddings.weight[
        config.text_config.pad_token_id
    ] = 1.0
    for name, one in (("saved", model), ("loaded", again(model))):
        row = one.text_model.embeddings.word_embeddings.weight[
            config.text_config.pad_token_id
        ]
        print(
            f"chinese_clip, {name}: the padding's embedding has the norm {float(row.norm()):.3f}"
        )


@torch.no_grad()
def funnel() -> None:
    model = FunnelModel(FunnelConfig(block_sizes=[1, 1], pad_token_id=0))
    model.embeddings.word_embeddings.weight[0] = 1.0
    for name, one in (("saved", model), ("loaded", again(model))):
        print(f"funnel, {name}: the padding's embedding has the norm {float(one.embeddings.word_embeddings.weight[0].norm()):.3f}")


@torch.no_grad()
def rwkv() -> None:
    model = RwkvModel(
        RwkvConfig(
            num_hidden_layers=12,
            hidden_size=64,
            attention_hidden_size=64,
            vocab_size=256,
        )
    ).eval()
    tokens = torch.arange(8)[None]
    before = model(tokens).last_hidden_state
    after = again(model).eval()(tokens).last_hidden_state
    print(
        f"rwkv, saved after a forward and loaded: states of up to {before.abs().max():.3f} differ by up to {(after - before).abs().max():.3f}"
    )


def oneformer() -> None:
    config = OneFormerConfig(
        is_training=True,
        num_queries=4,
        encoder_layers=1,
        decoder_layers=2,
        text_encoder_num_layers=1,
    )
    model = OneFormerForUniversalSegmentation(config).half()
    loaded = again(model, dtype=torch.float16)
    print(
        "oneformer, loaded as float16:",
        {
            name: p.dtype
            for name, p in loaded.named_parameters()
            if p.dtype != torch.float16
        },
    )


if __name__ == "__main__":
    chinese_clip()
    funnel()
    rwkv()
    oneformer()
