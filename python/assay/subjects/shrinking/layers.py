"""Fewer layers: one of each kind, at least two, and every list and index that speaks of layers moved along."""

from __future__ import annotations

import json
import re
from typing import Any

from assay.subjects import tree
from assay.subjects.shrinking import names
from assay.subjects.shrinking.editing import Editor, integer, integers

LAYERS = 2
MOST = 8
"""Layers at most, however many kinds there are."""
STAGE = 2
"""Blocks of a stage of a hierarchical model."""
KEEP = "one layer of each kind, at least two"
PER_LAYER = "per-layer lists keep the layers that stay"


def shrink(editor: Editor, prefix: str, node: Any, kinds: int, overrides: dict[int, dict[str, Any]] | None) -> list[int] | None:
    """Shrinks the layers of one configuration. Returns the layers that stay of `num_hidden_layers`, if they are fewer."""
    fields = dict(tree.fields(node))
    counts = {name: value for name, value in fields.items() if integer(value) and value > 0 and names.kind(name) == "layers"}
    main = fields.get("num_hidden_layers")
    kept: dict[int, list[int]] = {}
    for count in sorted(set(counts.values())):
        if count > LAYERS:
            kept[count] = _of_count(editor, prefix, node, fields, count, kinds, overrides, is_main=count == (main or count))
    for name, count in counts.items():
        if count in kept:
            editor.set(prefix, node, name, len(kept[count]), KEEP)
    for name, value in list(tree.fields(node)):
        if names.DEPTHS.search(name) and integers(value):
            most = 3 if name == "depth" else STAGE
            editor.set(prefix, node, name, type(value)(min(depth, most) for depth in value), "at most two blocks a stage")
    # Two streams become one no later than where the first states are taken.
    merged, taken = vars(node).get("merge_index"), vars(node).get("intermediate_hidden_state_indices")
    if integer(merged) and integers(taken):
        editor.set(prefix, node, "merge_index", min(merged, *taken), "indices of layers move along")
    # Blocks with global attention of a hierarchical model: the last of the third stage.
    stages, wanted = vars(node).get("blocks_per_stage"), vars(node).get("global_attention_blocks")
    if stages and wanted:
        editor.set(prefix, node, "global_attention_blocks", [sum(stages[:3]) - 1], "indices of layers move along")
    return kept.get(main) if integer(main) else None


def _of_count(
    editor: Editor,
    prefix: str,
    node: Any,
    fields: dict[str, Any],
    count: int,
    kinds: int,
    overrides: dict[int, dict[str, Any]] | None,
    *,
    is_main: bool,
) -> list[int]:
    def numbered(name: str, value: Any) -> bool:
        return bool(names.INDEX.search(name)) and integers(value) and list(value) == list(range(count))

    per_layer = {
        name: value
        for name, value in fields.items()
        if isinstance(value, (list, tuple))
        and len(value) == count
        and not name.startswith("_")
        and name != "stage_names"
        and not numbered(name, value)
    }
    members = {name: value for name, value in fields.items() if is_main and name not in per_layer and _is_membership(name, value, count)}
    rows: list[tuple] = list(zip(*per_layer.values(), strict=True)) if per_layer else []
    if (members or (overrides and is_main)) and not rows:
        rows = [()] * count
    rows = [(*row, *(layer in value for value in members.values())) for layer, row in enumerate(rows)]
    if overrides and is_main:
        rows = [(*row, json.dumps(overrides.get(layer), default=str)) for layer, row in enumerate(rows)]
    layers = _chosen(rows, kinds)
    wanted = max(LAYERS * kinds, _least(fields, members, per_layer, count, bool(rows)))
    layers += [layer for layer in range(count) if layer not in layers][: max(0, min(wanted, count) - len(layers))]
    layers.sort()
    for name, value in per_layer.items():
        editor.set(prefix, node, name, type(value)(value[layer] for layer in layers), PER_LAYER)
    for name, value in members.items():
        editor.set(prefix, node, name, type(value)(layers.index(layer) for layer in value if layer in layers), PER_LAYER)
    _indices(editor, prefix, node, fields, {*per_layer, *members}, count, len(layers))
    _stages(editor, prefix, node, count, len(layers))
    return layers


def _chosen(rows: list[tuple], kinds: int) -> list[int]:
    """The first layers of each kind, in order."""
    seen: dict[str, int] = {}
    chosen = []
    for layer, row in enumerate(rows):
        key = json.dumps(row, default=str)
        if seen.get(key, 0) < kinds:
            seen[key] = seen.get(key, 0) + 1
            chosen.append(layer)
    return chosen[:MOST]


def _is_membership(name: str, value: Any, count: int) -> bool:
    """Whether a list names the layers that have some property, by index."""
    if not names.INDEX.search(name) or name.startswith("_") or names.FEATURE_INDEX.search(name) or not integers(value):
        return False
    return min(value) >= 0 and max(value) < count and len(set(value)) == len(value)


def _least(fields: dict[str, Any], members: dict[str, Any], per_layer: dict[str, Any], count: int, has_rows: bool) -> int:
    """How many layers indices, periods and patterns need."""
    least = LAYERS
    for name, value in fields.items():
        if name in members or name in per_layer:
            continue
        is_index = names.INDEX.search(name) and integers(value) and max(value) <= count
        if is_index and len(value) < count and len(value) <= 6:
            least = max(least, len(value) + 1)
        if not has_rows and integer(value) and 1 < value < count and names.PERIOD.search(name):
            least = max(least, 3)
        is_pattern = (
            isinstance(value, (list, tuple)) and 2 < len(value) <= MOST and len(value) < count and all(isinstance(v, str) for v in value)
        )
        if not has_rows and is_pattern and re.search("type|pattern|block", name):
            least = max(least, len(value))
    return least


def _indices(editor: Editor, prefix: str, node: Any, fields: dict[str, Any], done: set[str], count: int, now: int) -> None:
    """Indices of layers, first and last layers of a kind, and periods."""
    rule = "indices of layers move along"
    for name, value in fields.items():
        if name in done or name.startswith("_"):
            continue
        if names.INDEX.search(name) and integers(value) and min(value) >= 0 and now <= max(value) <= count:
            editor.set(prefix, node, name, type(value)(_moved(list(value), count, now)), rule)
        elif not integer(value):
            continue
        elif (
            re.search(r"first_k_dense|num_dense_layers|dense_layers$|num_shared_layers|layer_start_index|start_layer", name) and value >= 1
        ):
            editor.set(prefix, node, name, 1, rule)
        elif re.search(r"layer_end_index|max_window_layers|layer_id$", name):
            editor.set(prefix, node, name, min(value, now - 1), rule)
        elif re.search(r"kv_shared_layers", name):
            editor.set(prefix, node, name, min(value, 1), rule)
        elif 2 < value < 64 and names.PERIOD.search(name):
            editor.set(prefix, node, name, 2, "periods of two layers")
        elif value > 1 and name.endswith("_offset") and "layer" in name:
            editor.set(prefix, node, name, 1, rule)


def _moved(value: list[int], count: int, now: int) -> list[int]:
    if (len(value) >= now and len(value) > 6) or value == list(range(len(value))):
        return [index for index in value if index < now] or [now - 1]
    last = now if max(value) == count else now - 1
    return [max(0, last - (len(value) - 1 - place)) for place in range(len(value))]


def _stages(editor: Editor, prefix: str, node: Any, count: int, now: int) -> None:
    """Names of stages, and which of them a backbone gives out."""
    fields = vars(node)
    stages = fields.get("stage_names")
    if not isinstance(stages, list) or len(stages) != count + 1:
        return
    rule = "stages are named after the layers that stay"
    shorter = ["stem"] + [f"stage{stage}" for stage in range(1, now + 1)]
    given = fields.get("_out_indices") or [now]
    given = [max(0, now - (len(given) - 1 - place)) for place in range(len(given))] if len(given) <= now + 1 else [now]
    editor.set(prefix, node, "stage_names", shorter, rule)
    editor.set(prefix, node, "_out_indices", given, rule)
    editor.set(prefix, node, "_out_features", [shorter[index] for index in given], rule)
