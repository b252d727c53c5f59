"""Configurations as trees: a root and the configurations of its parts, in fields, lists and dictionaries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def is_node(value: Any) -> bool:
    """Whether a value is a configuration."""
    return hasattr(value, "to_dict") and hasattr(type(value), "model_type")


def children(node: Any) -> Iterator[tuple[str, Any]]:
    """The configurations right below one, each with its path: `text_config`, `branches.0`, `parts.vision`."""
    for name, value in sorted(vars(node).items()):
        if is_node(value):
            yield name, value
        elif isinstance(value, dict):
            yield from ((f"{name}.{key}", item) for key, item in value.items() if is_node(item))
        elif isinstance(value, (list, tuple)):
            yield from ((f"{name}.{index}", item) for index, item in enumerate(value) if is_node(item))


def nodes(config: Any, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Every configuration of the tree, once, with the dotted prefix of its fields; the root first, with an empty prefix."""
    seen = set() if seen is None else seen
    if id(config) in seen:
        return
    seen.add(id(config))
    yield prefix, config
    for name, value in children(config):
        yield from nodes(value, f"{prefix}{name}.", seen)


def fields(node: Any) -> Iterator[tuple[str, Any]]:
    """The fields of one configuration that hold plain values."""
    below = {name.split(".")[0] for name, _ in children(node)}
    for name, value in list(vars(node).items()):
        if not name.startswith("__") and name not in below:
            yield name, value


def get(config: Any, path: str) -> Any:
    """What is at a dotted path; the configuration itself at the empty one."""
    for name in path.split(".") if path else []:
        config = _step(config, name)
    return config


def put(config: Any, path: str, value: Any) -> None:
    """Sets a field by its dotted path."""
    *parents, name = path.split(".")
    node = get(config, ".".join(parents))
    # JSON has no whole numbers as keys.
    old = getattr(node, name, None) if not isinstance(node, (dict, list)) else None
    if isinstance(value, dict) and isinstance(old, dict) and old and all(isinstance(key, int) for key in old):
        value = {int(key): item for key, item in value.items()}
    if isinstance(node, dict):
        node[name] = value
    elif isinstance(node, list):
        node[int(name)] = value
    else:
        setattr(node, name, value)


def _step(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value[name]
    return value[int(name)] if isinstance(value, (list, tuple)) else getattr(value, name)
