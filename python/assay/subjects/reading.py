"""How a model reads its tokens, as its configuration and the library's own mappings say: which tokens which see."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import torch
from transformers.models.auto import modeling_auto

from assay.subjects import tree

WINDOWED = ("sliding_attention", "chunked_attention", "full_attention")
"""Kinds of layer that say by their name which tokens they see."""
FUSED = ("ALL_ATTENTION_FUNCTIONS", "scaled_dot_product_attention")
"""What the source of a forward names that can attend by the fused implementation."""


def facts(model: torch.nn.Module, auto_class: str, roles: set[str]) -> set[str]:
    """`causal` and `bidirectional` (of a model with an encoder and a decoder: its decoder, its encoder), `mask`, `sdpa`, `windows`."""
    has = set()
    config = getattr(model, "config", None)
    if not tree.is_node(config):
        return has
    if "tokens" in roles and "attention_mask" in roles:
        has.add("mask")
    chosen = any(getattr(node, "_attn_implementation", None) == "sdpa" for _, node in tree.nodes(config))
    if chosen and any(_attends(kind) for kind in {type(module) for module in model.modules()}):
        has.add("sdpa")
    if "decoder_tokens" in roles:
        return has | {"causal"} | ({"bidirectional"} if "tokens" in roles else set())
    if "tokens" not in roles:
        return has
    text = config.get_text_config()
    names = {config.model_type, text.model_type}
    is_masked = bool(names & modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES.keys())
    is_encoder = getattr(text, "is_decoder", None) is False
    if auto_class == "AutoModelForCausalLM" or (
        not is_encoder and names & modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.keys() and not is_masked
    ):
        has.add("causal")
        kinds = set(layer_kinds(text))
        if kinds & {"sliding_attention", "chunked_attention"}:
            has.add("windows")
    elif is_masked:
        has.add("bidirectional")
    return has


@cache
def _attends(kind: type) -> bool:
    """Whether a class of the library can attend by the fused implementation."""
    if "transformers" not in kind.__module__:
        return False
    try:
        source = inspect.getsource(kind.forward)
    except (OSError, TypeError, AttributeError):
        return False
    return any(name in source for name in FUSED)


def layer_kinds(config: Any) -> list[str]:
    """The kind of each layer of a text model, where the configuration tells."""
    kinds = getattr(config, "layer_types", None)
    count = getattr(config, "num_hidden_layers", None)
    if isinstance(kinds, (list, tuple)):
        return list(kinds)
    if isinstance(getattr(config, "sliding_window", None), int) and isinstance(count, int) and getattr(config, "use_sliding_window", True):
        return ["sliding_attention"] * count
    return []
