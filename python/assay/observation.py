"""Observations: what a check saw, as plain JSON, without a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

MAX_LACKING = 20
LIMIT = torch.finfo(torch.bfloat16).max
"""A number this large is a mask, `finfo(dtype).min` in place of minus infinity: it is counted as infinite, since beside it nothing else
would be seen, and its square overflows."""


BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""A type of as many bytes, as which any tensor can be viewed: as single bytes those can't whose last axis is one place with a stride."""


class Observation:
    """Collects the facts of one check (`Observation` of `observation.rs`)."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {
            "seconds": 0.0,
            "raised": None,
            "comparisons": [],
            "tallies": [],
            "calls": [],
            "series": [],
            "outputs": [],
            "inputs": [],
            "devices": [],
            "notes": [],
        }

    def compare(self, label: str, result: torch.Tensor, reference: torch.Tensor, exact: torch.Tensor | None = None) -> None:
        """Adds a comparison. `exact` is the *reference* run in float64: both are measured against it, so that
        a bug that the float64 run of the result shares is no excuse for it."""
        self.fields["comparisons"].append(comparison(label, result, reference, exact))

    def compare_outputs(self, results: dict[str, torch.Tensor], references: dict[str, torch.Tensor]) -> None:
        """Compares outputs of the same name. One that only one side has is a difference of shape; one without elements has no bits."""
        for name in [*references, *(name for name in results if name not in references)]:
            if name not in results or name not in references:
                where = "the result" if name in results else "the reference"
                self.fields["comparisons"].append({**_empty_row(name, (results | references)[name]), "shape_mismatch": f"only in {where}"})
            elif results[name].numel() or results[name].shape != references[name].shape:
                self.compare(name, results[name], references[name])

    def tally(self, label: str, have: int, of: int, lacking: Iterable[str] = ()) -> None:
        """Adds a count of those that have a property, with the names of those that lack it."""
        self.fields["tallies"].append({"label": label, "have": have, "of": of, "lacking": list(lacking)[:MAX_LACKING]})

    def count(self, label: str, names: Iterable[str], lacking: Iterable[str]) -> None:
        """A tally of names, of which `lacking` lack the property."""
        everything, lack = list(names), list(lacking)
        self.tally(label, len(everything) - len(lack), len(everything), lack)

    def call(self, label: str, raised: dict[str, Any] | None, tensors: Iterable[torch.Tensor]) -> None:
        """Adds a call that was made to see how it ends."""
        floating = [tensor for tensor in tensors if tensor.is_floating_point()]
        row = {
            "label": label,
            "raised": raised,
            "elements": sum(tensor.numel() for tensor in floating),
            "non_finite": sum(int((~tensor.isfinite()).sum()) for tensor in floating),
        }
        self.fields["calls"].append(row)

    def series(self, label: str, unit: str, values: Iterable[float]) -> None:
        """Adds what was measured call after call."""
        self.fields["series"].append({"label": label, "unit": unit, "values": list(values)})

    def note(self, text: str) -> None:
        """Adds a remark for a reader."""
        self.fields["notes"].append(text)


def comparison(label: str, result: torch.Tensor, reference: torch.Tensor, exact: torch.Tensor | None) -> dict[str, Any]:
    """The `Comparison` of `observation.rs`. Complex numbers are compared as pairs of real ones."""
    row = _empty_row(label, result)
    if result.shape != reference.shape or result.dtype != reference.dtype:
        row["shape_mismatch"] = f"{list(result.shape)} of {_name(result.dtype)} against {list(reference.shape)} of {_name(reference.dtype)}"
        return row
    result, reference = real_numbers(result.detach()), real_numbers(reference.detach())
    row["shape"] = list(result.shape)
    row["elements"] = result.numel()
    if exact is None and _same_bits(result, reference):
        finite = torch.where(is_finite(reference), reference, torch.zeros_like(reference)).double()
        row["max_reference"], row["rms_reference"] = float(finite.abs().max()), _rms(finite)
        row["worst_index"] = [0] * result.ndim
        return row
    both_nan = result.isnan() & reference.isnan()
    same = (result == reference) & _same_zero(result, reference) | both_nan
    wide, wide_reference = result.double(), reference.double()
    finite = is_finite(result) & is_finite(reference)
    difference = torch.where(finite, (wide - wide_reference).abs(), 0.0)
    sized = torch.where(finite, wide_reference, 0.0)
    row["differing"] = int((~same).sum())
    row["non_finite_mismatch"] = int((~finite & ~same).sum())
    if result.numel():
        row["max_difference"] = float(difference.max())
        row["rms_difference"] = _rms(difference)
        row["max_reference"] = float(sized.abs().max())
        row["rms_reference"] = _rms(sized)
        worst = int(difference.argmax())
        row["worst_index"] = [int(i) for i in torch.unravel_index(torch.tensor(worst), result.shape)]
    if exact is not None:
        row["oracle"] = _oracle(wide, wide_reference, real_numbers(exact).double())
    return row


def _oracle(result: torch.Tensor, reference: torch.Tensor, exact: torch.Tensor) -> dict[str, float] | None:
    """The `OracleErrors`; none if the float64 run has another shape, or is finite where the tested ones are not (or the other way
    round): an overflow in one of the two precisions is no error that a root mean square could show."""
    if exact.shape != result.shape:
        return None
    finite = is_finite(result) & is_finite(reference)
    if not torch.equal(finite, is_finite(exact)):
        return None
    return {"result": _rms((result - exact)[finite]), "reference": _rms((reference - exact)[finite])}


def is_finite(tensor: torch.Tensor) -> torch.Tensor:
    """Where a tensor holds a number that is no mask."""
    return tensor.abs() < LIMIT if tensor.is_floating_point() else torch.ones_like(tensor, dtype=torch.bool)


def _empty_row(label: str, result: torch.Tensor) -> dict[str, Any]:
    """A comparison in which nothing was compared yet."""
    return {
        "label": label,
        "dtype": _name(result.dtype),
        "shape": list(result.shape),
        "shape_mismatch": None,
        "elements": 0,
        "differing": 0,
        "max_difference": 0.0,
        "rms_difference": 0.0,
        "max_reference": 0.0,
        "rms_reference": 0.0,
        "non_finite_mismatch": 0,
        "worst_index": [],
        "oracle": None,
    }


def real_numbers(tensor: torch.Tensor) -> torch.Tensor:
    """Pairs of real numbers for complex ones. What is filled with the lowest number of its type is forbidden, and no number to reckon with:
    in another type it is another one, and nothing would be large beside it."""
    tensor = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    if not tensor.is_floating_point() or not tensor.numel() or tensor.min() > torch.finfo(tensor.dtype).min:
        return tensor
    return tensor.masked_fill(tensor == torch.finfo(tensor.dtype).min, -torch.inf)


def _same_bits(result: torch.Tensor, reference: torch.Tensor) -> bool:
    """Whether all bits agree; the common case, and twenty times faster than counting differences."""
    if result.ndim == 0 or result.numel() == 0:
        return False
    bits = BITS[result.element_size()]
    return torch.equal(result.view(bits), reference.view(bits))


def _same_zero(result: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Where 0.0 is not -0.0: equal to ==, but other bits."""
    if not result.is_floating_point():
        return torch.ones_like(result, dtype=torch.bool)
    return result.signbit() == reference.signbit()


def _rms(values: torch.Tensor) -> float:
    return float(values.pow(2).mean().sqrt()) if values.numel() else 0.0


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
