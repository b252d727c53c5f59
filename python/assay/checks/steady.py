"""A choice that rounding turns is no bug: a token goes to another expert, another box is among the best, a duration is rounded up."""

from __future__ import annotations

import math
from typing import Any

import torch

from assay.checks.unit import Unit
from assay.extension import Observer
from assay.observation import Observation

DRAWS, AGREEING = 2, 1
"""How many other inputs are tried, of which so many have to agree: rounding turned a choice in some ten of 36,000 cases, and in none with
the second inputs, too."""
DRAWS_IN_HALF, AGREEING_IN_HALF = 4, 3
"""The same in half precision, where nothing shows that a choice turned: what differs with every other input is a bug."""
STEP = 104_729
"""Between their seeds: far from those that a check makes of the unit's own."""
SHAKES = 16
"""How often float64 is given float32's rounding errors, of which one has to turn the choice: one that a rounding error turned lies so near
that about every other one does."""
CLOSE_EPSILONS, MULTIPLIER, ASTRAY_EPSILONS = 4.0, 2.0, 4096.0
MULTIPLIER_OF_FEW, FEW = 3.0, 1000
"""What the judge's rule allows, or less (`oracle.rs`)."""


def observe(observer: Observer, unit: Unit) -> Observation | None:
    """What the observer sees. Where that is more than rounding, and the check's rule is to compare with float64, the same is done in
    float64: what differs there is no matter of rounding. If nothing does, but does so once float64 is given rounding errors as large as
    those of float32, a choice turned, and other inputs tell. In half precision nothing shows that: nearly all other inputs have to
    agree. What is finite in one run only is never excused."""
    seen = observer(unit)
    if not isinstance(seen, Observation) or not differs(seen):
        return seen
    if any(row["non_finite_mismatch"] for row in seen.fields["comparisons"]):
        return seen
    if _may_be_wide(seen) and not (_agrees_in_float64(observer, unit) and can_turn(observer, unit)):
        return seen
    draws, wanted = (DRAWS, AGREEING) if _may_be_wide(seen) else (DRAWS_IN_HALF, AGREEING_IN_HALF)
    agreeing = []
    for draw in range(1, draws + 1):
        try:
            again = observer(unit.fed_anew(unit.seed + draw * STEP))
        except Exception:  # what the first inputs showed stands
            return seen
        if isinstance(again, Observation) and again.fields["comparisons"] and not differs(again):
            agreeing.append(again)
        if len(agreeing) == wanted:
            again.fields["other_inputs"] = what_differed(seen)
            return again
    return seen


def what_differed(seen: Observation) -> str:
    """The first few labels."""
    return ", ".join([row["label"] for row in seen.fields["comparisons"] if not _is_close(row)][:3])


def differs(seen: Observation) -> bool:
    """Whether something is not as near to float64 as the judge asks."""
    rows = seen.fields["comparisons"]
    return any(row["oracle"] for row in rows) and not all(map(_is_close, rows))


def _may_be_wide(seen: Observation) -> bool:
    """Whether the check is not about half precision itself."""
    rows = seen.fields["comparisons"]
    return bool(rows) and all(row["dtype"] not in ("float16", "bfloat16") for row in rows)


def _rows(observer: Observer, unit: Unit) -> list[dict[str, Any]]:
    """The comparisons of another run; none if it doesn't come to its end."""
    try:
        seen = observer(unit)
    except Exception:
        return []
    return seen.fields["comparisons"] if isinstance(seen, Observation) else []


def _agrees_in_float64(observer: Observer, unit: Unit) -> bool:
    rows = _rows(observer, unit.in_float64())
    return bool(rows) and all(_agrees(row, torch.finfo(torch.float64).eps) for row in rows)


def can_turn(observer: Observer, unit: Unit) -> bool:
    """Whether rounding errors turn a choice in float64."""
    runs = (_rows(observer, unit.shaken(seed)) for seed in range(SHAKES))
    return any(not _agrees(row, torch.finfo(torch.float32).eps) for rows in runs for row in rows)


def _agrees(row: dict[str, Any], epsilon: float) -> bool:
    """Whether two runs that are as exact as this took the same way."""
    is_alike = not row["shape_mismatch"] and not row["non_finite_mismatch"]
    # Some of it is handed out in float32, whatever it was computed in.
    allowed = max(ASTRAY_EPSILONS * epsilon, CLOSE_EPSILONS * _epsilon(row))
    return is_alike and row["rms_difference"] <= allowed * row["rms_reference"]


def _is_close(row: dict[str, Any]) -> bool:
    """Whether the judge's rule holds for sure."""
    if row["shape_mismatch"] or row["non_finite_mismatch"]:
        return False
    epsilon, errors = _epsilon(row), row["oracle"]
    if row["max_difference"] <= CLOSE_EPSILONS * epsilon * row["max_reference"]:
        return True
    if not errors or not math.isfinite(errors["result"]) or errors["reference"] > ASTRAY_EPSILONS * epsilon * row["rms_reference"]:
        return False
    return errors["result"] <= MULTIPLIER * errors["reference"] + CLOSE_EPSILONS * epsilon * row["rms_reference"]


def is_near(seen: Observation) -> bool:
    """Whether all that is not close is less than twice as far from float64 as the judge allows: errors of few numbers swing from input to
    input (of 30 inputs of pe_video one was 1.04 times as far on OpenVINO, and two in eager torch without oneDNN)."""
    return all(_is_close(row) or _is_near(row) for row in seen.fields["comparisons"])


def _is_near(row: dict[str, Any]) -> bool:
    errors, epsilon = row["oracle"], _epsilon(row)
    if row["shape_mismatch"] or row["non_finite_mismatch"] or not errors:
        return False
    if errors["reference"] > ASTRAY_EPSILONS * epsilon * row["rms_reference"]:
        return False
    multiplier = MULTIPLIER_OF_FEW if row["elements"] < FEW else MULTIPLIER
    return errors["result"] <= 2 * (multiplier * errors["reference"] + CLOSE_EPSILONS * epsilon * row["rms_reference"])


def _epsilon(row: dict[str, Any]) -> float:
    dtype = getattr(torch, row["dtype"])
    return torch.finfo(dtype).eps if dtype.is_floating_point or dtype.is_complex else 0.0
