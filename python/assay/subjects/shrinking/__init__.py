"""Any configuration, made small.

Only sizes and lengths of lists change, never a switch: the tiny model keeps the structure of the full one. `names` says what a field is
by its name, `scale` by how much sizes are divided, `layers` which layers stay, `tokens` where special tokens go, `couplings` what has to
fit again, `derived` what the class works out itself, `missing` what defaults leave empty. Each change names its rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from assay.subjects import timm_models, tree
from assay.subjects.shrinking import couplings, derived, layers, missing, names, repair
from assay.subjects.shrinking.editing import Editor, first, integer, integers
from assay.subjects.shrinking.scale import MODES, Mode, Scale
from assay.subjects.shrinking.tokens import small_vocabulary, token_map

EXPERTS = 4
EXPERTS_PER_TOKEN = 2
POSITIONS = 512
LONG = 1024
"""Numbers of positions above this become `POSITIONS`; below it they may be part of the model's geometry."""
QUERIES = 16
WINDOW = 8
SHORT_BLOCKS = {"block_size": 4, "index_kpool": 2}
"""Blocks of tokens, several of which are to be in a row."""
SMALL_WINDOW = 2
"""Patches along each side of a window."""
PATCHES = 4
"""Patches along each side of an image."""
OVERRIDE = "override"
"""The rule of what no rule makes of an architecture (`overrides.json`)."""
IMAGE = 64
"""Side of an image whose patches are too small to count, or not known."""

__all__ = ["MODES", "Mode", "missing", "repair", "shrink"]


def shrink(
    config: Any, mode: Mode = MODES[0], repairs: list[repair.Repair] | None = None, own: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Makes `config` small in place, with repairs that errors asked for and the architecture's `own` override; the changes, in the order in
    which they were made."""
    repairs, own = repairs or [], own or {}
    editor = Editor(config)
    overrides = _take_overrides(editor)
    _apply(editor, own.get("before", {}))
    missing.fill_always(editor)
    repair.before(editor, repairs)
    if {"kind": "fill"} in repairs:
        missing.fill_sizes(editor)
    editor.before = {prefix: dict(vars(node)) for prefix, node in editor.nodes}
    not_kept = derived.unlike(editor.config)
    kept = {prefix: layers.shrink(editor, prefix, node, mode.kinds, overrides.get(prefix)) for prefix, node in editor.nodes}
    heads = 2 if {"kind": "heads"} in repairs else 1
    raised = tuple((repair["width"], repair["to"]) for repair in repairs if repair["kind"] == "raised")
    scales = {prefix: replace(scale, least_heads=heads, raised=raised) for prefix, scale in mode.scales(editor).items()}
    rules = {prefix: _rule(editor, prefix, scales[prefix], mode) for prefix, _ in editor.nodes}
    for prefix, node in editor.nodes:
        for name, value in list(tree.fields(node)):
            if name.startswith("_") or isinstance(value, dict):
                continue
            rule, new = rules[prefix](name, value)
            if rule is not None:
                editor.set(prefix, node, name, new, rule)
    if mode is not MODES[-1]:
        for prefix, node, name, value in timm_models.fields(editor.config):
            editor.set(prefix, node, name, value.split(".")[0] + timm_models.SUFFIX, "the same timm model by smaller sizes")
    couplings.fit(editor)
    repair.after(editor, repairs)
    _apply(editor, own.get("after", {}))
    for prefix, node in editor.nodes:
        if prefix in overrides:
            _put_overrides(editor, prefix, node, overrides[prefix], kept[prefix], rules[prefix])
    derived.follow(editor, not_kept)
    return editor.changes


def _apply(editor: Editor, values: dict[str, Any]) -> None:
    """An override: values by dotted path, of the parts that there are: a class may take the configuration of one alone."""
    for path, value in values.items():
        owner, _, name = path.rpartition(".")
        try:
            tree.get(editor.config, owner)
        except AttributeError:
            continue
        editor.set(f"{owner}." if owner else "", tree.get(editor.config, owner), name, value, OVERRIDE)


def _take_overrides(editor: Editor) -> dict[str, dict[int, dict[str, Any]]]:
    """What single layers have of their own (`per_layer_config`): taken off while the rest changes, by prefix."""
    taken = {}
    for prefix, node in editor.nodes:
        spec = vars(node).get("_heterogeneity_spec")
        if spec is not None:
            taken[prefix] = {int(layer): dict(own) for layer, own in spec.per_layer_overrides.items()}
            node.per_layer_config = None
            editor.changes.append(
                {"field": f"{prefix}per_layer_config", "from": None, "to": None, "rule": "taken off while the rest changes"}
            )
    return taken


def _put_overrides(
    editor: Editor,
    prefix: str,
    node: Any,
    own: dict[int, dict[str, Any]],
    kept: list[int] | None,
    rule: Callable[[str, Any], tuple[str | None, Any]],
) -> None:
    stay = kept if kept is not None else sorted(own)
    smaller = {}
    for place, layer in enumerate(stay):
        if layer in own:
            smaller[str(place)] = {name: new if kind else value for name, value in own[layer].items() for kind, new in [rule(name, value)]}
            before, now = editor.before[prefix] | own[layer], vars(node) | smaller[str(place)]
            if couplings.is_sum(before, "head_dim"):
                smaller[str(place)]["head_dim"] = sum(now[part] for part in couplings.QUERY)
    node.per_layer_config = smaller
    change = {"field": f"{prefix}per_layer_config", "from": None, "to": smaller, "rule": "what single layers have of their own moves along"}
    editor.changes.append(change)


def _rule(editor: Editor, prefix: str, scale: Scale, mode: Mode) -> Callable[[str, Any], tuple[str | None, Any]]:
    """What becomes of a field of one node: the rule that speaks about it (none if no rule does), and the new value."""
    tokens = token_map(editor)
    before = editor.before[prefix]
    mel = {
        value
        for fields in editor.before.values()
        for name, value in fields.items()
        if names.MEL_BINS.search(name) and integer(value) and value < 100
    }

    def width(value: int) -> int:
        return value if value in mel else scale.of_width(value)

    has_factor = any(names.WIDTH_FACTOR.search(name) for name in before)

    by_kind: dict[str, tuple[str, Callable[[int], int]]] = {
        "token": ("special tokens move into the vocabulary, the same one to the same place", lambda v: tokens.get(v, v)),
        "vocabulary": ("a small vocabulary", small_vocabulary),
        "key-value heads": ("heads share the divisor with their widths", scale.of_heads),
        "heads": ("heads share the divisor with their widths", scale.of_heads),
        "head width": ("head widths share the divisor with the heads", scale.of_head_width),
        "experts": ("few experts", lambda v: min(v, EXPERTS)),
        "experts per token": ("fewer experts per token than experts", lambda v: min(v, EXPERTS_PER_TOKEN)),
        "chosen expert groups": ("one group of experts", lambda v: min(v, 1)),
        "positions": ("few positions", lambda v: POSITIONS if v > LONG else v),
        "queries": ("few queries", lambda v: min(v, QUERIES)),
        "window": ("a short window", lambda v: WINDOW if v > 16 else v),
        "width": ("all widths by one divisor", width),
    }

    def rule(name: str, value: Any) -> tuple[str | None, Any]:
        kind = names.kind(name)
        if name == "feature_size" and any(value == other for key, other in before.items() if names.kind(key) == "width"):
            kind = "width"  # not the bins of a spectrogram
        if kind is None or kind == "layers" or not (integer(value) or _nested_integers(value)):
            return _special(name, value, before)
        if kind == "image":
            side = _image_side(before) if mode.image else None
            return "a few patches", _each(value, lambda v: min(v, side) if side else v)
        if kind == "expert groups":
            has_experts = any(names.EXPERTS.search(other) for other in before)
            return "two groups of experts", _each(value, lambda v: min(v, 2) if has_experts else v)
        if kind == "groups":
            # Lists of groups are numbers of tokens of hierarchical stages (GroupViT), not of a convolution.
            return "groups follow widths", _groups(value, before, width) if integer(value) else value
        if kind == "width" and has_factor and integers(value):
            return None, value  # the factor makes them small
        words, change = by_kind[kind]
        return words, _each(value, change)

    return rule


def _special(name: str, value: Any, before: dict[str, Any]) -> tuple[str | None, Any]:
    if name == "window_size" and integer(value) and 4 < value <= 16 and "depths" in before:
        return "a short window", SMALL_WINDOW
    if name in SHORT_BLOCKS and integer(value) and value > 8:
        return "short blocks", SHORT_BLOCKS[name]
    if names.WIDTH_FACTOR.search(name) and isinstance(value, float) and value >= 1:
        return "smaller factors on widths and depths", 0.25
    if names.DEPTH_FACTOR.search(name) and isinstance(value, float) and value > 1:
        return "smaller factors on widths and depths", 1.0
    return None, value


def _groups(value: int, before: dict[str, Any], width: Callable[[int], int]) -> int:
    if value <= 8:
        return value
    is_width = any(value == other for name, other in before.items() if integer(other) and names.kind(name) == "width")
    return width(value) if is_width else 4


def _image_side(before: dict[str, Any]) -> int:
    """A few patches, and two windows a side where they are coarsest: what attends within a window of one patch attends to nothing."""
    patch = first(before.get("patch_size"))
    if not integer(patch):
        return IMAGE
    few = PATCHES * patch if patch >= 8 else IMAGE
    stages, stride, count = before.get("depths"), before.get("output_stride"), before.get("num_windows")
    windows = integer(before.get("window_size"))
    if isinstance(stages, (list, tuple)) and (windows or patch >= 8):
        return max(few, 2 * (SMALL_WINDOW if windows else 1) * patch * 2 ** (len(stages) - 1))
    if integer(stride):
        return max(few, 2 * patch * stride)
    if integer(count):
        return max(few, 2 * patch * math.isqrt(count))
    return few


def _each(value: Any, change: Callable[[int], int]) -> Any:
    """A whole number changed, or each number of a list, however deep."""
    if isinstance(value, (list, tuple)):
        return type(value)(_each(item, change) for item in value)
    return change(value) if integer(value) else value


def _nested_integers(value: Any) -> bool:
    if integers(value):
        return True
    return isinstance(value, (list, tuple)) and bool(value) and all(_nested_integers(item) or isinstance(item, int) for item in value)
