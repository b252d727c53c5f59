"""What has to fit again once sizes have changed: one function for each coupling, asked in order."""

from __future__ import annotations

import math
import re
from typing import Any

from assay.subjects import timm_models, tree
from assay.subjects.shrinking import names
from assay.subjects.shrinking.editing import Editor, first, integer, integers

WIDTH_AND_HEADS = (
    ("hidden_size", "num_attention_heads"),
    ("hidden_size", "num_heads"),
    ("embed_dim", "num_heads"),
    ("d_model", "encoder_attention_heads"),
    ("d_model", "decoder_attention_heads"),
    ("n_embd", "n_head"),
    ("dim", "n_heads"),
    ("d_model", "num_attention_heads"),
    ("hidden_size", "attention_heads"),
    ("encoder_hidden_size", "encoder_num_attention_heads"),
    ("decoder_hidden_size", "decoder_num_attention_heads"),
)
OWN_HEAD_WIDTH = ("head_dim", "d_kv", "attention_head_dim", "kv_channels", "attention_head_size")
QUERY = ("qk_nope_head_dim", "qk_rope_head_dim")
STATE = ("mamba_d_ssm", "mamba_n_heads", "mamba_d_head")
HEADS = "heads divide the width"
LEAST = 16
TEXT = re.compile(r"text|llm|language")


def fit(editor: Editor) -> None:
    """Makes every coupling of a tree fit."""
    for prefix, node in editor.nodes:
        for coupling in (_sums, _cycles, _rope, _key_value_heads, _heads, _starved, _grids):
            coupling(editor, prefix, node)
    _handed_down(editor)
    _feature_layers(editor)
    _resolutions(editor)
    _images(editor)
    _tokens_per_image(editor)
    _projections(editor)
    _timm_widths(editor)
    _memories(editor)


def _sums(editor: Editor, prefix: str, node: Any) -> None:
    """A query head is what rotates and what doesn't."""
    if is_sum(editor.before[prefix], "qk_head_dim"):
        editor.set(prefix, node, "qk_head_dim", sum(vars(node)[part] for part in QUERY), "a query head is the sum of its parts")


def is_sum(fields: dict[str, Any], name: str) -> bool:
    """Whether a field is the width of a query head, of its two parts."""
    return all(integer(fields.get(part)) for part in QUERY) and fields.get(name) == sum(fields[part] for part in QUERY)


def _cycles(editor: Editor, prefix: str, node: Any) -> None:
    """Models that run a stack of layers in cycles count the layers of all cycles."""
    now = vars(node)
    stack, high, low = now.get("num_layers_per_stack"), now.get("H_cycles"), now.get("L_cycles")
    if integer(stack) and integer(high) and integer(low):
        editor.set(prefix, node, "num_hidden_layers", stack * high * (low + 1), "layers of all cycles")


def _rope(editor: Editor, prefix: str, node: Any) -> None:
    """Sections of rotary embeddings share half the head width; long and short factors have one entry for each frequency."""
    now = vars(node)
    head = next((now[name] for name in ("head_dim", "qk_rope_head_dim", "d_kv", "kv_channels") if integer(now.get(name))), None)
    hidden, heads = now.get("hidden_size"), now.get("num_attention_heads")
    if head is None and integer(hidden) and integer(heads) and heads:
        head = hidden // heads
    if not head:
        return
    for name, value in list(now.items()):
        if isinstance(value, dict) and name in ("rope_parameters", "rope_scaling"):
            editor.set(prefix, node, name, _rope_fitted(value, head), "rotary sections and factors follow the head width")
        elif re.search(r"mrope_section|rope_section|axes_dim|xdrope_section", name) and integers(value):
            editor.set(prefix, node, name, _sections(value, head, 1.0), "rotary sections and factors follow the head width")


def _rope_fitted(value: dict[str, Any], head: int) -> dict[str, Any]:
    partial = value.get("partial_rotary_factor") or 1.0
    fitted = {}
    for name, item in value.items():
        if isinstance(item, dict):
            item = _rope_fitted(item, head)
        elif isinstance(item, (list, tuple)) and "section" in name and integers(item) and sum(item):
            item = _sections(item, head, partial)
        elif name in ("short_factor", "long_factor") and isinstance(item, (list, tuple)):
            item = list(item)[: max(1, int(head * partial) // 2)]
        fitted[name] = item
    return fitted


def _sections(value: Any, head: int, partial: float) -> Any:
    half = max(len(value), int(head * partial) // 2)
    shares = [max(1, part * half // sum(value)) for part in value]
    # Sections that are equal stay so: two of them belong to the two sides of an image.
    alone = [place for place, part in enumerate(value) if list(value).count(part) == 1]
    shares[alone[0] if len(alone) == 1 else 0] += half - sum(shares)
    return type(value)(shares)


def _key_value_heads(editor: Editor, prefix: str, node: Any) -> None:
    """Key and value heads divide the attention heads."""
    now = vars(node)
    for name, count in list(now.items()):
        if not names.KEY_VALUE_HEADS.search(name) or not integer(count) or not count:
            continue
        for other in ("num_attention_heads", name.replace("key_value_", "attention_"), name.replace("kv_", ""), "num_heads", "n_heads"):
            heads = now.get(other)
            if other != name and integer(heads) and heads and (heads % now[name] or heads < now[name]):
                fitting = max(size for size in range(1, heads + 1) if heads % size == 0 and size <= max(1, now[name]))
                editor.set(prefix, node, name, fitting, "key and value heads divide the attention heads")
            before = (editor.before[prefix].get(other), editor.before[prefix].get(name))
            is_grouped = all(map(integer, before)) and before[0] > before[1] > 1
            if other != name and is_grouped and integer(heads) and heads >= 4 and heads % 2 == 0 and now[name] == 1:
                editor.set(prefix, node, name, 2, "several groups of heads stay several: in one, their order can't go wrong")


def _heads(editor: Editor, prefix: str, node: Any) -> None:
    """Heads divide the width, and no head is narrower than four."""
    before, now = editor.before[prefix], vars(node)
    state = [before.get(name) for name in STATE]
    if all(map(integer, state)) and state[0] == state[1] * state[2]:
        editor.set(prefix, node, STATE[0], now[STATE[1]] * now[STATE[2]], HEADS)
    if any(integer(before.get(name)) for name in OWN_HEAD_WIDTH):
        return
    for width_name, heads_name in WIDTH_AND_HEADS:
        width, heads = now.get(width_name), now.get(heads_name)
        if not integer(width) or not integer(heads) or heads < 2:
            continue
        if width % heads or (width // heads) % 4:
            fitting = [size for size in range(1, heads + 1) if width % size == 0 and (width // size) % 4 == 0 and size <= 8]
            if fitting:
                editor.set(prefix, node, heads_name, max(fitting), HEADS)


def _starved(editor: Editor, prefix: str, node: Any) -> None:
    """What is narrower than its use allows: a norm of two elements gives out their order and nothing else; two indexer heads behind ReLUs
    are silent for a quarter of the keys, and ties are broken by place."""
    for name in ("embedding_size", "index_n_heads"):
        before, now = editor.before[prefix].get(name), vars(node).get(name)
        if integer(before) and integer(now) and now < min(LEAST, before):
            editor.set(prefix, node, name, min(LEAST, before), "wide enough to tell its inputs apart")


def _grids(editor: Editor, prefix: str, node: Any) -> None:
    """Fields that hold a number of patches follow the image."""
    before, now = _side(editor.before[prefix]), _side(vars(node))
    if not before or not now or before == now:
        return
    rule = "numbers of patches follow the image"
    for name, value in editor.before[prefix].items():
        if not integer(value):
            continue
        if value == before and re.search("embedding_size|grid", name):
            editor.set(prefix, node, name, now, rule)
        elif before > 2 and value in (before**2, before**2 + 1) and re.search("patch|num_|seq|position|token", name):
            editor.set(prefix, node, name, now**2 + value - before**2, rule)


def _side(fields: dict[str, Any]) -> int | None:
    image, patch = first(fields.get("image_size")), first(fields.get("patch_size"))
    return image // patch if integer(image) and integer(patch) and patch and image >= patch else None


def _feature_layers(editor: Editor) -> None:
    """The layer of a vision tower from which features are taken is one that is there."""
    towers = [
        (value, editor.before[prefix].get(name))
        for prefix, node in editor.nodes
        if re.search("Vision|CLIP|Siglip|ViT|Dino", type(node).__name__)
        for name, value in tree.fields(node)
        if integer(value) and value > 0 and names.kind(name) == "layers"
    ]
    if not towers:
        return
    count, before = min(towers, key=lambda tower: tower[0])
    rule = "features come from a layer that is there"
    for prefix, node in editor.nodes:
        for name, chosen in tree.fields(node):
            if not names.FEATURE_LAYER.search(name):
                continue
            if integer(chosen):
                editor.set(prefix, node, name, _within(chosen, count), rule)
            elif integers(chosen):
                # Some count layers from 0, others count the embeddings as well.
                last = count - 1 if max(editor.before[prefix][name]) + 1 == before else count
                editor.set(prefix, node, name, type(chosen)(_within(layer, last) for layer in chosen), rule)
        hooks = vars(node).get("intermediate_hook_ids")
        if integers(hooks):
            deepest = sorted(hooks, reverse=True)
            moved = type(hooks)(max(0, count - 1 - deepest.index(layer)) for layer in hooks)
            editor.set(prefix, node, "intermediate_hook_ids", moved, rule)


def _within(layer: int, count: int) -> int:
    return max(layer, -count) if layer < 0 else min(layer, count)


def _handed_down(editor: Editor) -> None:
    """The number of a layer that a whole hands down to its part is the part's."""
    for prefix, node in editor.nodes:
        for name, value in editor.before[prefix].items():
            for child, part in tree.children(node) if name.endswith("layer_id") and integer(value) else ():
                if editor.before.get(f"{prefix}{child}.", {}).get(name) == value:
                    editor.set(prefix, node, name, vars(part)[name], "a layer that is handed down to a part moves along with it")


def _resolutions(editor: Editor) -> None:
    """Resolutions that an image is cut into tiles of are multiples of a tile."""
    for prefix, node in editor.nodes:
        chosen = vars(node).get("image_grid_pinpoints")
        sides = [vars(tower).get("image_size") for _, tower in tree.children(node)]
        tile = next((side for side in sides if integer(side)), None)
        if chosen and tile:
            least = min(map(min, chosen))
            tiles = [[side // least * tile for side in resolution] for resolution in chosen]
            editor.set(prefix, node, "image_grid_pinpoints", tiles, "resolutions are multiples of a tile")


def _images(editor: Editor) -> None:
    """What a model cuts out of an image for its towers is as large as their image; feature maps shrink as images do."""
    rule = "numbers of patches follow the image"
    for prefix, node in editor.nodes:
        for name, tower in tree.children(node):
            before, now = editor.before.get(f"{prefix}{name}.", {}).get("image_size"), vars(tower).get("image_size")
            if integer(before) and before == editor.before[prefix].get("patch_size"):
                editor.set(prefix, node, "patch_size", now, rule)
    _same_image(editor, rule)
    sides = [
        (first(editor.before[prefix].get(name)), first(value))
        for prefix, node in editor.nodes
        for name, value in tree.fields(node)
        if names.kind(name) == "image"
    ]
    before, now = max(((before, now) for before, now in sides if integer(before) and integer(now)), default=(1, 1))
    patches = [side**2 for side in (_side(vars(node)) for _, node in editor.nodes) if side]
    for prefix, node in editor.nodes:
        for name, value in editor.before[prefix].items():
            # How many queries ask so many patches.
            if isinstance(value, dict) and "patch" in name and integers(list(value)) and patches:
                editor.set(prefix, node, name, {patches[0]: max(1, patches[0] // 4)}, rule)
            if names.MAPS.search(name) and isinstance(value, (list, tuple)):
                editor.set(prefix, node, name, _smaller(value, now, before), rule)
            # A border of an image that is learnt.
            elif name == "visual_prompt_size" and integer(value):
                editor.set(prefix, node, name, max(1, value * now // before), rule)


def _same_image(editor: Editor, rule: str) -> None:
    """What several parts see is as large for all as for the one that cuts it into patches."""
    sizes = [(prefix, node, editor.before[prefix].get("image_size"), vars(node).get("image_size")) for prefix, node in editor.nodes]
    sizes = [row for row in sizes if integer(row[2]) and integer(row[3])]
    cut = {before: now for _, node, before, now in sizes if "patch_size" in vars(node)}
    for prefix, node, before, _ in sizes:
        if "patch_size" not in vars(node) and before in cut:
            editor.set(prefix, node, "image_size", cut[before], rule)


def _smaller(sides: Any, now: int, before: int) -> Any:
    """Sides of feature maps of a smaller image, however deep the list is."""
    if isinstance(sides, (list, tuple)):
        return [_smaller(side, now, before) for side in sides]
    return max(1, sides * now // before)


def _tokens_per_image(editor: Editor) -> None:
    """How many tokens an image becomes follows its number of patches, at the same reduction."""
    for prefix, node in editor.nodes:
        for name, value in editor.before[prefix].items():
            if not integer(value) or not name.endswith("tokens_per_image"):
                continue
            for other, tower in editor.nodes:
                before, now = _side(editor.before[other]), _side(vars(tower))
                if before and now:
                    reduction = max(1, before / max(1, math.isqrt(value)))
                    editor.set(prefix, node, name, max(1, int(now / reduction)) ** 2, "tokens of an image follow its patches")


def _projections(editor: Editor) -> None:
    """What a tower gives out is as wide as the text model."""
    text = next((child for name, child in tree.children(editor.config) if TEXT.search(name)), None)
    width = vars(text).get("hidden_size") if text is not None else None
    if not integer(width):
        return
    for name, child in tree.children(editor.config):
        if not TEXT.search(name) and "out_hidden_size" in vars(child):
            editor.set(f"{name}.", child, "out_hidden_size", width, "a tower's output is as wide as the text")


def _timm_widths(editor: Editor) -> None:
    """The width of a timm tower stands in its name, and what reads it takes it from a field."""
    for prefix, node in editor.nodes:
        name = vars(node).get("architecture")
        if isinstance(name, str) and name.endswith(timm_models.SUFFIX) and integer(vars(node).get("hidden_size")):
            width = timm_models.width(editor.config, name)
            if width:
                editor.set(prefix, node, "hidden_size", width, "as wide as the timm model that it names")


def _memories(editor: Editor) -> None:
    """What is kept of a frame has a width that stands in the modelling code, and objects that are found on it are cut into two or more
    pieces as wide."""
    for prefix, _ in editor.nodes:
        memory, stream = (editor.before[prefix].get(name) for name in ("memory_encoder_output_channels", "memory_attention_hidden_size"))
        if not integer(memory) or not integer(stream):
            continue
        for other, node in editor.nodes:
            for name, value in editor.before[other].items():
                if value == stream and names.kind(name) == "width" and vars(node)[name] < 2 * memory:
                    editor.set(other, node, name, 2 * memory, "found objects are pieces of a memory's width")
