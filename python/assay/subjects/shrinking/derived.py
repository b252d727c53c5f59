"""What a configuration's class works out from other fields when it is made, and again when it is loaded."""

from __future__ import annotations

import copy
import tempfile
from typing import Any

from assay.subjects import tree
from assay.subjects.shrinking.editing import Editor, plain

STAMPS = ("model_type", "transformers_version")
"""What loading writes down of itself."""


def unlike(config: Any) -> dict[str, Any]:
    """The fields that are others once the configuration is saved and loaded, by path, with what they are then. None where its class refuses
    it: that is for the check of loading to see."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy.deepcopy(config).save_pretrained(folder)
            loaded = dict(_fields(type(config).from_pretrained(folder)))
    except Exception:
        return {}
    return {path: loaded[path] for path, value in _fields(config) if path in loaded and plain(value) != plain(loaded[path])}


def follow(editor: Editor, own: dict[str, Any]) -> None:
    """Sets what the class works out anew, but what it doesn't keep of the default either (`own`)."""
    for path, value in unlike(editor.config).items():
        if path not in own:
            prefix, _, name = path.rpartition(".")
            node = tree.get(editor.config, prefix)
            editor.set(f"{prefix}." if prefix else "", node, name, value, "what the class works out from other fields follows them")


def _fields(config: Any) -> list[tuple[str, Any]]:
    return [
        (prefix + name, value)
        for prefix, node in tree.nodes(config)
        for name, value in tree.fields(node)
        if not name.startswith("_") and name not in STAMPS
    ]
