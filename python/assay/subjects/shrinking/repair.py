"""What a default configuration lacks, read from the error that a build or a forward ended in. Each repair is bounded: one field, once."""

from __future__ import annotations

import re
from typing import Any

from assay.subjects import tree
from assay.subjects.shrinking import missing, names
from assay.subjects.shrinking.editing import Editor, integer, integers

LACKING = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
CHANNELS = re.compile(r"num_channels \((\d+)\) must be divisible by num_groups \((\d+)\)")
SECTIONS = re.compile(r"split_sizes=\[(\d+(?:, \d+)+)\]")
INPUT = re.compile(r"weight of size \[\d+, (\d+), 1, 1\], expected input\[[\d, ]+\] to have \1 channels, but got (\d+) channels")
PRODUCT = re.compile(r"cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)")
OUTPUT = re.compile(r"(^|_)output_dim$")
GUESSES: tuple[tuple[str, Any], ...] = (
    (r"dropout|drop_rate|jitter", 0.0),
    (r"rope_theta", 10_000.0),
    (r"eps$", 1e-5),
    (r"num_hidden_layers", 2),
    (r"_token_id|_index", 3),
    (r"initializer", 0.02),
    (r"bias$", False),
)
"""What the library's own models say where a class reads a field that its configuration doesn't have."""

Repair = dict[str, Any]
"""`{"kind": "field", "class": …, "name": …}`, `{"kind": "rope", "layer_type": …}`, `{"kind": "sections", "sections": […]}`,
`{"kind": "raised", "width": …, "to": …}`, `{"kind": "heads"}` (two at least: a part has half of them),
`{"kind": "maps", "wanted": …, "given": …}`, `{"kind": "padding"}` (without which a head takes one row alone) or `{"kind": "fill"}`."""
PADDING = 0
"""The token of padding where a default has none: no text draws it."""


def suggest(error: BaseException, done: list[Repair]) -> Repair | None:
    """The next repair that an error asks for; none if it asks for none, or for one that was done."""
    suggestions: list[Repair] = []
    lacking, sections = LACKING.search(str(error)), SECTIONS.search(str(error))
    channels, maps = CHANNELS.search(str(error)), INPUT.search(str(error))
    if maps:
        suggestions.append({"kind": "maps", "wanted": int(maps[1]), "given": int(maps[2])})
    if isinstance(error, ZeroDivisionError):
        suggestions.append({"kind": "heads"})
    if channels:
        # Of one channel a group nothing is left but its sign.
        suggestions.append({"kind": "raised", "width": int(channels[1]), "to": 2 * int(channels[2])})
    if sections:
        suggestions.append({"kind": "sections", "sections": [int(size) for size in sections[1].split(", ")]})
    if isinstance(error, AttributeError) and lacking:
        suggestions.append({"kind": "field", "class": lacking[1], "name": lacking[2]})
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        suggestions.append({"kind": "rope", "layer_type": error.args[0]})
    suggestions.append({"kind": "fill"})
    return next((repair for repair in suggestions if repair not in done), None)


def of_output(messages: list[str], done: list[Repair]) -> Repair | None:
    """The next repair of a width that was not the one which a tower gives out; none if no message speaks of one."""
    found = (PRODUCT.search(message) for message in messages)
    repairs = [{"kind": "maps", "wanted": int(sizes[2]), "given": int(sizes[1])} for sizes in found if sizes]
    return next((repair for repair in repairs if repair not in done), None)


def before(editor: Editor, repairs: list[Repair]) -> None:
    """Repairs of the default, before it is made small."""
    for repair in repairs:
        if repair["kind"] == "sections":
            for prefix, node in editor.nodes:
                rope = vars(node).get("rope_parameters")
                if isinstance(rope, dict) and rope:
                    told = {**rope, "mrope_section": repair["sections"]}
                    editor.set(prefix, node, "rope_parameters", told, missing.ROTARY)


def after(editor: Editor, repairs: list[Repair]) -> None:
    """Repairs of what was made small."""
    for repair in repairs:
        if repair["kind"] == "field":
            _field(editor, repair["class"], repair["name"])
        elif repair["kind"] == "rope":
            _rope(editor, repair["layer_type"])
        elif repair["kind"] == "padding":
            _padding(editor)
        elif repair["kind"] == "maps":
            _maps(editor, repair["wanted"], repair["given"])


def _field(editor: Editor, owner: str, name: str) -> None:
    known = next((vars(node)[name] for _, node in editor.nodes if vars(node).get(name) is not None), None)
    for prefix, node in editor.nodes:
        if type(node).__name__ != owner:
            continue
        value = known
        if value is None and names.KEY_VALUE_HEADS.search(name):
            fields = ("num_attention_heads", "decoder_num_attention_heads", "encoder_num_attention_heads")
            value = next((vars(node)[field] for field in fields if integer(vars(node).get(field))), None)
        if value is None:
            value = next((guess for pattern, guess in GUESSES if re.search(pattern, name)), None)
        if value is not None:
            editor.set(prefix, node, name, value, "a field that the default lacks and the model reads")


def _padding(editor: Editor) -> None:
    for prefix, node in editor.nodes:
        if integer(vars(node).get("vocab_size")) and getattr(node, "pad_token_id", PADDING) is None:
            editor.set(prefix, node, "pad_token_id", PADDING, "a token of padding, by which a head knows where a row of a batch ends")


def _rope(editor: Editor, layer_type: str) -> None:
    """Rotary parameters for each type of layer, where there is one set for all."""
    for prefix, node in editor.nodes:
        rope, types = vars(node).get("rope_parameters"), vars(node).get("layer_types")
        if rope == {} and types:
            rope = {"rope_type": "default", "rope_theta": 10_000.0}
        if types and isinstance(rope, dict) and "rope_theta" in rope:
            each = {kind: dict(rope) for kind in sorted({*(types or []), layer_type})}
            editor.set(prefix, node, "rope_parameters", each, missing.ROTARY)


def _maps(editor: Editor, wanted: int, given: int) -> None:
    """What takes the output of a tower or the feature maps of a backbone: their widths, or all maps where a default has only the last."""
    rule = "what takes the output of a tower is as wide as it"
    for prefix, node in editor.nodes:
        for name, value in list(tree.fields(node)):
            if value == wanted and OUTPUT.search(name):
                editor.set(prefix, node, name, given, rule)
        backbone = vars(node).get("backbone_config")
        if backbone is None:
            continue
        stages = (vars(backbone).get("stage_names") or [])[1:]
        if wanted == given * len(stages):
            editor.set(f"{prefix}backbone_config.", backbone, "_out_indices", list(range(1, len(stages) + 1)), rule)
            editor.set(f"{prefix}backbone_config.", backbone, "_out_features", stages, rule)
        for name, value in tree.fields(node):
            if integers(value) and wanted in value and names.kind(name) == "width":
                place = list(value).index(wanted)
                editor.set(prefix, node, name, type(value)([*value[:place], given, *value[place + 1 :]]), rule)
