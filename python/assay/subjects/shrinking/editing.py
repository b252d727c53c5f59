"""Changes to a configuration, each with the rule that made it."""

from __future__ import annotations

from typing import Any

from assay.subjects import tree


class Editor:
    """Edits a tree of configurations in place and keeps what it changed, in order. `before` holds each node's fields as they were."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.nodes = list(tree.nodes(config))
        self.before = {prefix: dict(vars(node)) for prefix, node in self.nodes}
        self.changes: list[dict[str, Any]] = []

    def set(self, prefix: str, node: Any, name: str, value: Any, rule: str) -> None:
        """Sets a field, unless it has that value; a field that refuses it keeps its own."""
        old = vars(node).get(name)
        if repr(old) == repr(value):
            return
        try:
            tree.put(node, name, value)
        except Exception:
            return
        self.changes.append({"field": f"{prefix}{name}", "from": plain(old), "to": plain(value), "rule": rule})


def plain(value: Any) -> Any:
    """A value as JSON has it; what JSON doesn't have, in words."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def integer(value: Any) -> bool:
    """Whether a value is a whole number, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def integers(value: Any) -> bool:
    """Whether a value is a list of whole numbers."""
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(map(integer, value))


def first(value: Any) -> Any:
    """The first of a list, or the value itself."""
    return value[0] if isinstance(value, (list, tuple)) and value else value


def power(value: int) -> int:
    """The power of two nearest to a size, on the scale of logarithms."""
    return 1 if value < 1 else 1 << max(0, round_log2(value))


def round_log2(value: int) -> int:
    """The nearest whole logarithm."""
    low = value.bit_length() - 1
    return low + (1 if value * value > (1 << (2 * low + 1)) else 0)
