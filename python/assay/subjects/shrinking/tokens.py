"""A small vocabulary, and special tokens moved into it: the same one to the same place in the whole tree."""

from __future__ import annotations

from typing import Any

from assay.subjects import tree
from assay.subjects.shrinking import names
from assay.subjects.shrinking.editing import Editor, integer

VOCABULARY = 256
SMALL = 320
"""Vocabularies up to this size stay: bytes, phonemes, code books."""
NEAR = 32
"""Tokens in the last places of the small vocabulary, or beyond it, are moved."""


def small_vocabulary(value: int) -> int:
    """The size that a vocabulary becomes: a power of two, and what it was above one: a few special codes more in a code book, the tokens of
    other modalities behind those of text."""
    if value <= SMALL:
        return value
    over = value - (1 << (value.bit_length() - 1))
    return VOCABULARY + (over if 0 < over <= VOCABULARY else 0)


def token_map(editor: Editor) -> dict[int, int]:
    """Where special tokens go: to the last places, in the same order."""
    found = [
        value for fields in editor.before.values() for name, value in fields.items() if names.kind(name) == "vocabulary" and integer(value)
    ]
    size = min([small_vocabulary(value) for value in found if value > 100] + [VOCABULARY])
    moved = sorted({token for token in _tokens(editor) if token >= max(64, size - NEAR)})
    if len(moved) >= size - NEAR:
        return dict.fromkeys(moved, size // 2)
    return {token: size - len(moved) + place for place, token in enumerate(moved)}


def _tokens(editor: Editor) -> set[int]:
    found: set[int] = set()
    for _, node in editor.nodes:
        for name, value in tree.fields(node):
            if names.kind(name) == "token":
                values: Any = value if isinstance(value, (list, tuple)) else [value]
                found.update(token for token in values if integer(token))
    return found
