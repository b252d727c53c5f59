"""Any configuration, made small.

Only sizes and lengths of lists change, never a switch: the tiny model keeps the structure of the full one. All widths of
the tree are divided by one power of two, so that what was equal or a multiple stays so; heads and head widths share
that divisor between them. Each change names its rule.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assay.subjects import tree

WIDTH = 64
"""The widest hidden size becomes this: wide enough that a dot product is no accident, small enough for milliseconds."""
WIDEST_STAGE = 256
"""The widest stage of a hierarchical model becomes at most this."""
HEAD_WIDTH = 16
"""Head widths become this where they can: Triton and flex kernels want at least 16 (FACTS.md)."""
VOCABULARY = 256
POSITIONS = 64
LAYERS = 2
EXPERTS = 4
EXPERTS_PER_TOKEN = 2
PATCHES = 4
"""Patches along each side of an image."""

IS_VOCABULARY = re.compile(r"(^|_)vocab_size$")
IS_TOKEN = re.compile(r"(_token_id|_token_index|_token_ids)$|^(bos|eos|pad|sep|cls|mask)_token_id$")
IS_LAYERS = re.compile(r"^(num|n)_(hidden_|encoder_|decoder_)?layers?$|^(encoder|decoder)_layers$|^num_decoder_layers$|^n_layer$|^depth$")
IS_HEADS = re.compile(r"(attention|att|decoder|encoder|key_value|kv|num|n)_heads?$|^n_head$|^num_attention_heads$")
IS_HEAD_WIDTH = re.compile(r"^(head_dim|d_kv|attention_head_size|d_head|state_size|ssm_state_size)$")
IS_POSITIONS = re.compile(r"^(max_position_embeddings|n_positions|n_ctx|max_source_positions|max_target_positions)$")
IS_EXPERTS = re.compile(r"^(num_local_experts|num_experts|n_routed_experts|moe_num_experts)$")
IS_EXPERTS_PER_TOKEN = re.compile(r"^(num_experts_per_tok|moe_top_?k|moe_k)$")
IS_WIDTH = re.compile(
    r"hidden|embed|embd|intermediate|d_model|d_ff|ffn|inner|proj|conv_dim|rank|width|classifier|tdnn|xvector|codevector|pooler_output_size|^dim$"
)
NOT_WIDTH = re.compile(
    r"layer|head|kernel|stride|position|vocab|token|act|type|size_per|group|prob|init|num_|std|eps|drop|bias|image|patch"
)
IS_DEPTHS = re.compile(r"^(depths|layers|num_blocks|layer_depths)$")


@dataclass(frozen=True)
class Scale:
    """By what a node's sizes are divided; all powers of two, `width == heads * head`."""

    width: int
    heads: int
    head: int


def shrink(config: Any) -> list[dict[str, Any]]:
    """Makes `config` small in place; the changes, in the order in which they were made."""
    changes: list[dict[str, Any]] = []
    divisor = max(_divisor(node) for _, node in tree.nodes(config))
    tokens = _token_map(config)
    for prefix, node in tree.nodes(config):
        scale = _scale(node, divisor)
        selected = _layers(node)
        for name, value in tree.fields(node):
            rule, new = _change(node, name, value, scale, tokens, selected)
            if rule and new != value and _differs(new, value):
                setattr(node, name, new)
                changes.append({"field": f"{prefix}{name}", "from": _plain(value), "to": _plain(new), "rule": rule})
    return changes


def _change(
    node: Any, name: str, value: Any, scale: Scale, tokens: dict[int, int], selected: dict[int, list[int]]
) -> tuple[str | None, Any]:
    """The rule that speaks about a field, and the field's new value; `None` if none does."""
    lengths = {length: rows for length, rows in selected.items() if length > len(rows)}
    if _is_per_layer(name, value) and len(value) in lengths:
        return "per-layer lists keep the layers that stay", type(value)(value[i] for i in lengths[len(value)])
    if IS_DEPTHS.search(name) and _integers(value):
        return "at most two blocks a stage", type(value)(min(depth, LAYERS) for depth in value)
    whole = _each(value)
    if whole is None:
        return None, value
    if IS_TOKEN.search(name):
        return "special tokens move into the vocabulary, the same one to the same place", whole(lambda v: tokens.get(v, v))
    if IS_VOCABULARY.search(name):
        return "a small vocabulary", whole(lambda v: min(v, VOCABULARY))
    if IS_LAYERS.search(name):
        return "one layer of each kind, at least two", whole(lambda v: len(selected[v]) if v in selected else min(v, LAYERS))
    if IS_POSITIONS.search(name):
        return "few positions", whole(lambda v: min(v, POSITIONS))
    if IS_EXPERTS.search(name):
        return "few experts", whole(lambda v: min(v, EXPERTS))
    if IS_EXPERTS_PER_TOKEN.search(name):
        return "fewer experts per token than experts", whole(lambda v: min(v, EXPERTS_PER_TOKEN))
    if name == "image_size":
        return "a few patches", whole(lambda v: min(v, PATCHES * _patch(node)))
    if IS_HEAD_WIDTH.search(name):
        return "head widths share the divisor with the heads", whole(lambda v: max(1, _power(v) // scale.head) if v >= HEAD_WIDTH else v)
    if IS_HEADS.search(name):
        return "heads share the divisor with their widths", whole(lambda v: max(1, _power(v) // scale.heads))
    if IS_WIDTH.search(name) and not NOT_WIDTH.search(name):
        return "all widths by one divisor", whole(lambda v: max(2, _power(v) // scale.width) if v >= 2 * scale.width else v)
    return None, value


def _layers(node: Any) -> dict[int, list[int]]:
    """For each number of layers in the node: the layers that stay, the first of each kind that the per-layer lists tell apart."""
    selected = {}
    for name, count in tree.fields(node):
        if not IS_LAYERS.search(name) or not _integer(count) or count <= LAYERS:
            continue
        lists = [value for other, value in tree.fields(node) if _is_per_layer(other, value) and len(value) == count]
        kinds: dict[Any, int] = {}
        for i in range(count):
            kinds.setdefault(tuple(map(repr, (values[i] for values in lists))), i)
        rows = sorted(kinds.values())
        rows += [i for i in range(count) if i not in rows][: max(0, LAYERS - len(rows))]
        selected[count] = sorted(rows)
    return selected


def _is_per_layer(name: str, value: Any) -> bool:
    return isinstance(value, (list, tuple)) and not name.startswith("_") and bool(re.search("layer|type|pattern|mask_indices", name))


def _token_map(config: Any) -> dict[int, int]:
    """Where special tokens beyond the small vocabulary go: its last places, the largest id to the last."""
    ids = set()
    for _, node in tree.nodes(config):
        for name, value in tree.fields(node):
            if IS_TOKEN.search(name):
                ids.update(v for v in (value if isinstance(value, (list, tuple)) else [value]) if _integer(v))
    large = sorted((v for v in ids if v >= VOCABULARY - len(ids)), reverse=True)
    return {token: VOCABULARY - 1 - place for place, token in enumerate(large)}


def _scale(node: Any, divisor: int) -> Scale:
    """A node's own head width decides how the divisor is shared."""
    width = _head_width(node)
    head = 1 if width is None else min(divisor, max(1, _power(width) // HEAD_WIDTH))
    return Scale(width=divisor, heads=divisor // head, head=head)


def _head_width(node: Any) -> int | None:
    explicit = next((value for name, value in tree.fields(node) if name in ("head_dim", "d_kv") and _integer(value)), None)
    if explicit:
        return explicit
    heads = next((value for name, value in tree.fields(node) if IS_HEADS.search(name) and _integer(value) and value > 0), None)
    hidden = next((getattr(node, name) for name in ("hidden_size", "d_model") if _integer(getattr(node, name, None))), None)
    return hidden // heads if heads and hidden else None


def _divisor(node: Any) -> int:
    """By what a node's widths would be divided on its own. Of hierarchical models the narrowest stage counts, so that none is starved (a
    few channels behind a ReLU can all be dead), as far as the widest stage allows."""
    widths = [1]
    stages: list[int] = []
    for name in ("hidden_size", "d_model", "dim", "hidden_sizes", "embed_dim", "n_embd"):
        value = getattr(node, name, None)
        if isinstance(value, (list, tuple)):
            stages += [v for v in value if _integer(v)]
        elif _integer(value):
            widths.append(value)
    of_stages = max(_power(min(stages)) // WIDTH, _power(max(stages)) // WIDEST_STAGE) if stages else 1
    return max(1, _power(max(widths)) // WIDTH, of_stages)


def _patch(node: Any) -> int:
    patch = getattr(node, "patch_size", None)
    patch = patch[0] if isinstance(patch, (list, tuple)) else patch
    return patch if _integer(patch) else 16


def _each(value: Any) -> Callable[[Callable[[int], int]], Any] | None:
    """How to change a whole number, or each number of a list; `None` for anything else."""
    if _integer(value):
        return lambda change: change(value)
    if _integers(value):
        return lambda change: type(value)(change(v) for v in value)
    return None


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _integers(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(map(_integer, value))


def _differs(new: Any, old: Any) -> bool:
    return repr(new) != repr(old)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _power(value: int) -> int:
    """The power of two nearest to a size."""
    return 2 ** max(0, round(math.log2(value))) if value > 0 else value
