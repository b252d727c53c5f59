"""Configurations as trees: a root and the configurations of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def nodes(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every configuration of the tree with the dotted prefix of its fields, the root first (with an empty prefix)."""
    yield prefix, config
    for name, value in sorted(vars(config).items()):
        if hasattr(value, "to_dict") and hasattr(value, "model_type"):
            yield from nodes(value, f"{prefix}{name}.")


def fields(node: Any) -> Iterator[tuple[str, Any]]:
    """The fields of one configuration that hold plain values."""
    for name, value in list(vars(node).items()):
        if not name.startswith("__") and not (hasattr(value, "to_dict") and hasattr(value, "model_type")):
            yield name, value


def put(config: Any, path: str, value: Any) -> None:
    """Sets a field by its dotted path."""
    *parents, name = path.split(".")
    for parent in parents:
        config = getattr(config, parent)
    setattr(config, name, value)
