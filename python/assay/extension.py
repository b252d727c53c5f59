"""Checks that a preload registers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from assay.observation import Observation

Observer = Callable[[Any], Observation | None]

RULES = ("completes", "full", "finite", "bitwise", "oracle", "moves", "refuses", "refuses_or_answers", "recovers", "flat", "promises")
PROFILES = ("quick", "standard", "full")
"""As in `crates/assay-model/src/check.rs`."""

REGISTERED: dict[str, tuple[dict[str, Any], Observer]] = {}
"""By name: the `CheckSpec` row and the function."""


def check(
    name: str, *, asserts: str, bug: str, rule: str, needs: Sequence[str] = (), profile: str = "standard"
) -> Callable[[Observer], Observer]:
    """Registers the decorated function as the check `name` (`group.name`).

    The function gets the unit under test (`assay.checks.unit.Unit`) and returns an `Observation`, or nothing if it only
    has to come to its end. Where its comparisons with float64 fail it may be called again, with a unit in float64 and with
    other inputs (`assay.checks.steady`), so that it must leave the unit as it was. `rule` names how the judge reads it
    (`crates/assay-model/src/check.rs`, `Rule`), `needs` the facts that a subject must have. Raises `ValueError` for a name
    without a group, one that is taken (a built-in check can't be replaced), and a rule or profile that doesn't exist.
    """
    from assay.checks import BUILT_IN

    if not re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", name):
        raise ValueError(f"the check `{name}` must be named group.name, in lower case")
    if name in BUILT_IN or name in REGISTERED:
        raise ValueError(f"there is a check `{name}` already; choose another name")
    for given, known, what in ((rule, RULES, "rule"), (profile, PROFILES, "profile")):
        if given not in known:
            raise ValueError(f"unknown {what} `{given}` of the check `{name}`; there are {', '.join(known)}")

    def register(observer: Observer) -> Observer:
        spec = {"id": name, "profile": profile, "asserts": asserts, "bug": bug, "needs": list(needs), "rule": rule}
        REGISTERED[name] = (spec, observer)
        return observer

    return register
