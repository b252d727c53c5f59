"""How a model reads its tokens, as its configuration and the library's own mappings say: which tokens which see."""

from __future__ import annotations

import inspect
import re
import sys
from functools import cache
from typing import Any

import torch
from transformers.models.auto import modeling_auto

from assay.subjects import tree
from assay.subjects.shrinking.names import POSITIONS
from assay.subjects.specs import InputSpec

WINDOWED = ("sliding_attention", "chunked_attention", "full_attention")
"""Kinds of layer that say by their name which tokens they see."""
LONG = 256
"""Tokens of a long text: past every window and chunk of a tiny model, short of its table of positions."""
TABLES = re.compile(f"{POSITIONS.pattern}|num_hash_buckets")
"""Fields by which tables of positions are sized: CANINE's has as many rows as those of its hashes."""
OFFSET = 8
"""Positions that tables keep for themselves (RoBERTa counts from behind the padding's)."""
TEXT = {"tokens", "attention_mask", "token_types", "decoder_tokens"}
FUSED = ("ALL_ATTENTION_FUNCTIONS", "scaled_dot_product_attention")
"""What the source of a forward names that can attend by the fused implementation."""
WRITERS = (
    modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    modeling_auto.MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
)
"""Models that write one token after the other."""


def facts(model: torch.nn.Module, auto_class: str, rows: list[InputSpec]) -> set[str]:
    """Those of `docs/reference/facts.md` that say who sees whom."""
    has = set()
    roles = {spec.role for spec in rows}
    config = getattr(model, "config", None)
    if not tree.is_node(config):
        return has
    # A text for each choice is a text each, and no token of one is before that of another.
    is_choice = any(spec.role == "tokens" and len(spec.shape) > 1 for spec in rows)
    if "tokens" in roles and "attention_mask" in roles and not is_choice:
        has.add("mask")
    chosen = any(getattr(node, "_attn_implementation", None) == "sdpa" for _, node in tree.nodes(config))
    if chosen and any(_attends(kind) for kind in {type(module) for module in model.modules()}):
        has.add("sdpa")
    if is_plain_text(rows) and long_length(config) > max(spec.shape[0] for spec in rows):
        has.add("long")
    if "decoder_tokens" in roles:
        return has | {"causal"} | ({"bidirectional"} if "tokens" in roles else set())
    if "tokens" not in roles or is_choice:
        return has
    text = text_config(config)
    # The text model of `glm4v` is `glm4v_text`, which no mapping names.
    names = {config.model_type, text.model_type, config.model_type.removesuffix("_text")}
    is_masked = bool(names & modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES.keys())
    # Some say of themselves that they are no decoder, and have no other way (GPT-NeoX): those that have are called encoders.
    is_encoder = getattr(text, "is_decoder", None) is False and "Encoder" in type(model).__name__
    if auto_class == "AutoModelForCausalLM" or (not is_encoder and any(names & mapping.keys() for mapping in WRITERS) and not is_masked):
        has.add("causal")
    elif is_masked:
        has.add("bidirectional")
    if has & {"causal", "bidirectional"} and set(layer_kinds(text)) & {"sliding_attention", "chunked_attention"}:
        has.add("windows")
    return has


def text_config(config: Any) -> Any:
    """The configuration of the text model; of several, the one that writes (MusicGen)."""
    try:
        return config.get_text_config()
    except ValueError:
        return config.get_text_config(decoder=True)


@cache
def _attends(kind: type) -> bool:
    """Whether a class of the library can attend by the fused implementation, as its file says: what a preload put in the place of its
    forward may attend otherwise, and the fact must not move with it."""
    own = (_forward(base) for base in kind.__mro__ if base.__module__.startswith("transformers"))
    source = next(filter(None, own), "")
    return any(name in source for name in FUSED)


def _forward(kind: type) -> str:
    """The source of the forward that a class defines itself."""
    _, _, rest = _source(kind.__module__).partition(f"\nclass {kind.__name__}(")
    body = rest.partition("\nclass ")[0]
    return body.partition("\n    def forward(")[2].partition("\n    def ")[0]


@cache
def _source(module: str) -> str:
    try:
        return inspect.getsource(sys.modules[module])
    except (OSError, TypeError):
        return ""


def is_plain_text(rows: list[InputSpec]) -> bool:
    """Whether all that is fed is tokens with their mask and types, so that they can be padded and go on."""
    roles = {spec.role for spec in rows}
    return {"tokens", "attention_mask"} <= roles <= TEXT and not any(
        spec.placed or (len(spec.shape) > 1 and spec.role != "token_types") for spec in rows
    )


def long_length(config: Any, most: int = LONG) -> int:
    """How many tokens a long text has: as many as all tables of positions hold, at most so many."""
    fields = [(name, value) for _, node in tree.nodes(config) for name, value in tree.fields(node)]
    positions = [
        value for name, value in fields if TABLES.search(name) and isinstance(value, int) and not isinstance(value, bool) and value > 0
    ]
    return min([most, *(value - OFFSET for value in positions)])


def layer_kinds(config: Any) -> list[str]:
    """The kind of each layer of a text model, where the configuration tells."""
    kinds = getattr(config, "layer_types", None)
    count = getattr(config, "num_hidden_layers", None)
    if isinstance(kinds, (list, tuple)):
        return list(kinds)
    if isinstance(getattr(config, "sliding_window", None), int) and isinstance(count, int) and getattr(config, "use_sliding_window", True):
        return ["sliding_attention"] * count
    return []
