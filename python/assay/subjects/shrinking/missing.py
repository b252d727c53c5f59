"""Fields that a default configuration leaves empty and a model needs: sizes and lengths, and tokens that stand for other modalities."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

from assay.subjects.shrinking import names
from assay.subjects.shrinking.editing import Editor, integer

PLACEHOLDER = re.compile(r"^(image|video|audio)_token_(id|index)$")
BEYOND = 250_000
"""An id beyond every vocabulary: it moves to its last places with the other special tokens."""
SECTIONS = re.compile(r"""get\("mrope_section", \[([\d, ]+)\]\)""")
"""Sections of multimodal rotary embeddings where the modelling code has the default."""
EMPTY_SIZE = "a size that the default leaves empty"
ROTARY = "rotary parameters that the modelling code assumes"
LENGTHS = {"prediction_length": 4, "context_length": 8}
LABELS = "label_length"
"""How much of the past a decoder is given (Autoformer): the past is longer."""


def fill_always(editor: Editor) -> None:
    """What is filled before anything is tried."""
    for prefix, node in editor.nodes:
        for name, value in list(vars(node).items()):
            if value is None and PLACEHOLDER.search(name):
                editor.set(prefix, node, name, BEYOND + len(name), "a token that stands for another modality")
            elif value is None and name in LENGTHS:
                label = vars(node).get(LABELS)
                length = max(LENGTHS[name], 2 * label) if name == "context_length" and integer(label) else LENGTHS[name]
                editor.set(prefix, node, name, length, "a length that the default leaves empty")
        rope = vars(node).get("rope_parameters")
        ignored = getattr(type(node), "ignore_keys_at_rope_validation", None) or ()
        if "mrope_section" in ignored and isinstance(rope, dict) and "mrope_section" not in rope:
            editor.set(prefix, node, "rope_parameters", {**rope, "mrope_section": _sections(node)}, ROTARY)


def _sections(node: Any) -> list[int]:
    """The rotary sections that the modelling code beside a configuration has as its default; those of Qwen2-VL if it has none."""
    try:
        code = inspect.getsource(importlib.import_module(type(node).__module__.replace("configuration_", "modeling_")))
    except (ImportError, OSError):
        code = ""
    found = SECTIONS.search(code)
    return [int(section) for section in found[1].split(", ")] if found else [16, 24, 24]


def fill_sizes(editor: Editor) -> None:
    """What is filled once a model was seen not to be built without it."""
    for prefix, node in editor.nodes:
        fields = vars(node)
        for name, value in list(fields.items()):
            filled = _size(name, fields) if value is None else None
            if filled is not None:
                editor.set(prefix, node, name, filled, EMPTY_SIZE)


def _size(name: str, fields: dict[str, Any]) -> Any:
    hidden, heads, layers = fields.get("hidden_size"), fields.get("num_attention_heads"), fields.get("num_hidden_layers")
    kind = names.kind(name)
    if name == "head_dim" and integer(hidden) and integer(heads) and heads:
        return max(4, hidden // heads)
    # All queries of an indexer look at one key.
    if kind == "key-value heads" and name.startswith("index"):
        return 1
    if kind in ("heads", "key-value heads"):
        return heads if integer(heads) else None
    if kind == "head width" and integer(fields.get("head_dim")):
        return fields["head_dim"]
    if kind == "head width" and integer(hidden) and integer(heads) and heads:
        return max(4, hidden // heads)
    if name == "vocab_size":
        return 256
    if kind == "experts":
        return 4
    if kind == "experts per token" or "compress_ratio" in name:
        return 2
    if kind in ("expert groups", "chosen expert groups"):
        return 1
    if name.endswith("layer_indices") and integer(layers):
        return [1]
    if name == "layer_types" and integer(layers):
        return ["full_attention"] * layers
    if name == "mlp_layer_types" and integer(layers):
        return (["dense"] + ["sparse"] * layers)[:layers]
    if name in ("pad_token_id", "mask_token_id", "eos_token_id", "bos_token_id"):
        return 1
    if name == "sliding_window" or name.endswith("_budget"):
        return 8
    if re.search("first_k_dense|num_dense_layers", name):
        return 1
    if kind == "width" and not re.search("act|proj_|attention_bias|config", name) and integer(hidden):
        return hidden
    return None
