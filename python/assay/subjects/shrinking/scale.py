"""By how much the sizes of a configuration are divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.subjects import tree
from assay.subjects.shrinking import names
from assay.subjects.shrinking.editing import integer, integers, power

WIDTH = 64
"""The widest hidden size becomes this: wide enough that a dot product is no accident, small enough for milliseconds."""
HEAD_WIDTH = 16
"""Head widths become this where they can: Triton and flex kernels want at least 16 (FACTS.md)."""
NARROWEST = 24
"""Widths below this are ranks, channels of a colour image, numbers of bins: they stay."""


@dataclass(frozen=True)
class Scale:
    """By what a node's sizes are divided; all powers of two, `width == heads * head`. `same` is the width that every width becomes
    instead, where dividing leads nowhere."""

    width: int
    heads: int
    head: int
    least: int = 2
    least_heads: int = 1
    same: int | None = None
    exactly: bool = False
    """Only sizes that the divisor divides, without rounding them to powers of two."""
    raised: tuple[tuple[int, int], ...] = ()
    """Widths that are too narrow for the groups of a norm, and what they become instead."""

    def of_width(self, value: int) -> int:
        """A width. Already narrow ones stay."""
        width = self._of_width(value)
        return min(value, dict(self.raised).get(width, width))

    def _of_width(self, value: int) -> int:
        if value < max(NARROWEST, 2 * self.width if self.exactly else 0):
            return value
        if self.same:
            return min(value, self.same)
        if self.exactly:
            return value if value % self.width else max(self.least, value // self.width)
        return min(value, max(self.least, power(value) // self.width)) if self.width > 1 else value

    def of_heads(self, value: int) -> int:
        """A number of heads."""
        if value < 2 or self.exactly:
            return value
        if self.same:
            return min(value, self.same // HEAD_WIDTH)
        return max(self.least_heads, power(value) // self.heads) if self.heads > 1 else value

    def of_head_width(self, value: int) -> int:
        """The width of one head. Those that are narrow already stay."""
        if value < 8:
            return value
        if self.same:
            return min(value, HEAD_WIDTH)
        if self.exactly:
            return value if value % self.width else max(2, value // self.width)
        return min(value, max(4, power(value) // self.head)) if self.head > 1 else value


@dataclass(frozen=True)
class Mode:
    """One way of choosing scales for a tree of configurations."""

    name: str
    width: int = WIDTH
    uniform: tuple[int, int] | None = None
    """Divisors of heads and of head widths, the same for every node."""
    same: int | None = None
    exact: int | None = None
    kinds: int = 1
    """How many layers of each kind stay."""
    image: bool = True
    """Whether images are made small."""
    least: int = 2

    def scales(self, editor: Any) -> dict[str, Scale]:
        """The scale of each node of a tree, by its prefix."""
        if self.same:
            return {prefix: Scale(1, 1, 1, same=self.same) for prefix, _ in editor.nodes}
        if self.exact:
            return {prefix: Scale(self.exact, 1, 1, exactly=True) for prefix, _ in editor.nodes}
        if self.uniform:
            heads, head = self.uniform
            return {prefix: Scale(heads * head, heads, head, self.least) for prefix, _ in editor.nodes}
        divisor = max(_divisor(node, self.width) for _, node in editor.nodes)
        return {prefix: _shared(node, divisor) for prefix, node in editor.nodes}


MODES = (
    Mode("widths by one divisor"),
    Mode("widths and heads by the same divisors everywhere", uniform=(4, 8), least=8),
    Mode("widths by one divisor, twice as wide", width=2 * WIDTH),
    Mode("all widths the same", same=WIDTH),
    Mode("widths and heads by smaller divisors", uniform=(2, 8), least=1),
    Mode("two layers of each kind, images as they are", uniform=(4, 8), least=8, kinds=2, image=False),
    Mode("widths by one divisor, four times as wide", width=4 * WIDTH),
    Mode("widths that eight divides", exact=8),
    Mode("widths and heads by four", uniform=(2, 2), least=32),
    Mode("widths as they are", uniform=(1, 1)),
)
"""Ways that are tried in turn until a model can be built and fed, and is small."""


def _shared(node: Any, divisor: int) -> Scale:
    """A node's own head width decides how the divisor is shared between heads and their widths."""
    width = _head_width(node)
    head = 1 if width is None else min(divisor, max(1, power(width) // HEAD_WIDTH))
    return Scale(width=divisor, heads=max(1, divisor // head), head=head)


def _head_width(node: Any) -> int | None:
    explicit = next(
        (value for name, value in tree.fields(node) if name in ("head_dim", "d_kv", "qk_rope_head_dim") and integer(value)), None
    )
    if explicit:
        return explicit
    heads = next((value for name, value in tree.fields(node) if names.kind(name) == "heads" and integer(value) and value > 0), None)
    fields = vars(node)
    hidden = next((fields[name] for name in ("hidden_size", "d_model", "n_embd", "embed_dim") if integer(fields.get(name))), None)
    return hidden // heads if heads and hidden else None


def _divisor(node: Any, target: int) -> int:
    """By what a node's widths would be divided on its own. Of hierarchical models the narrowest stage counts, so that none is starved (a
    few channels behind a ReLU can all be dead), as far as the widest stage allows."""
    widths = [1]
    stages: list[int] = []
    for name in ("hidden_size", "d_model", "dim", "hidden_sizes", "embed_dim", "embed_dims", "n_embd", "hidden_dim"):
        value = vars(node).get(name)
        if integers(value):
            stages += value
        elif integer(value):
            widths.append(value)
    of_stages = max(power(min(stages)) // target, power(max(stages)) // (4 * target)) if stages else 1
    return max(1, power(max(widths)) // target, of_stages)
