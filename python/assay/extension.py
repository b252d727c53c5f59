"""Checks that a preload registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from assay.observation import Observation

Observer = Callable[[Any], Observation | None]

REGISTERED: dict[str, tuple[dict[str, Any], Observer]] = {}
"""By name: the `CheckSpec` row and the function."""


def check(
    name: str, *, asserts: str, bug: str, rule: str, needs: Sequence[str] = (), profile: str = "standard"
) -> Callable[[Observer], Observer]:
    """Registers the decorated function as the check `name` (`group.name`).

    The function gets the unit under test (`assay.checks.unit.Unit`) and returns an `Observation`, or nothing if it only
    has to come to its end. `rule` names how the judge reads it (`crates/assay-model/src/check.rs`, `Rule`), `needs` the
    facts that a subject must have. Raises `ValueError` for a name without a group, or one that is taken.
    """
    if name.count(".") != 1 or name in REGISTERED:
        raise ValueError(f"`{name}` is taken, or not of the form group.name")

    def register(observer: Observer) -> Observer:
        spec = {"id": name, "profile": profile, "asserts": asserts, "bug": bug, "needs": list(needs), "rule": rule}
        REGISTERED[name] = (spec, observer)
        return observer

    return register
