"""Group `golden`: outputs under fixed weights and inputs, collected so that they can be compared in another environment.

What is collected is the `Golden` of `golden.rs`, which says what each field means; `docs/reference/golden.md` says why.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import defaultdict
from typing import Any

import torch

from assay import subjects
from assay.checks import expected, oracle
from assay.checks.unit import Tensors, Unit, of_subject
from assay.observation import Observation, real_numbers
from assay.weights import words

FORMAT = 1
"""Of what is collected: another one can't be compared."""
NONCE = int.from_bytes(b"golden", "big")
"""What the weights are drawn from; no run's own nonce is below 2^48 but once in 65,536 runs."""
SEED = 0
"""What the inputs are drawn from, and the state of the generators at each forward."""
PROJECTIONS = 8
"""Enough to know the size of a difference within a third (`crates/assay-judge/src/golden.rs`)."""
BLOCK = 4096
ALIKE = 0.5
"""Share of a name's letters that stay at its two ends when it is renamed: `h.0.attn.q.weight`, `h.0.attn.query.weight`."""


def reproducible(unit: Unit) -> Observation:
    """Outputs of the model built once more, and what is collected from it."""
    seen = Observation()
    model, initial = unit.build_again()
    if unit.is_filled:
        unit.fill_as(model, unit.nonce, initial, lambda: unit.variants)
    seen.compare_outputs(unit.forward(unit.inputs, model), unit.reference)
    if any(row["differing"] or row["shape_mismatch"] for row in seen.fields["comparisons"]):
        others = ", ".join(_other_tensors(unit.model, model)) or "none that is registered"
        seen.note(f"tensors that are others in the model built once more: {others}")
    unit.__dict__["golden"] = seen.fields["golden"] = _collect(unit, model, initial, {})
    return seen


def output(unit: Unit) -> Observation:
    """What is collected. Where tensors were renamed, they are drawn by their old names: then the outputs can still be compared."""
    seen = Observation()
    collected = unit.__dict__.get("golden") or _collect(unit, *unit.build_again(), {})
    renamed = match(unit.expected_tensors or collected["tensors"], collected["tensors"])
    seen.fields["golden"] = {**_collect(unit, *unit.build_again(), renamed), "renamed": renamed} if renamed else collected
    return seen


def match(before: dict[str, list[int]], now: dict[str, list[int]]) -> dict[str, str]:
    """Old names of tensors that seem to be renamed, by their new names: of one shape, and alike at both ends; the most alike first."""
    gone, new = defaultdict(list), defaultdict(list)
    for name in before.keys() - now.keys():
        gone[tuple(before[name])].append(name)
    for name in now.keys() - before.keys():
        new[tuple(now[name])].append(name)
    pairs = [pair for shape in gone for pair in itertools.product(gone[shape], new[shape])]
    found: dict[str, str] = {}
    taken: set[str] = set()
    for _, old, name in sorted((-_alike(old, name), old, name) for old, name in pairs):
        if old not in taken and name not in found and _alike(old, name) >= ALIKE * min(len(old), len(name)):
            found[name] = old
            taken.add(old)
    return found


def _alike(one: str, other: str) -> int:
    """How many letters two names share at their beginning and their end."""
    return _agree(one, other) + _agree(one[::-1], other[::-1])


def _agree(one: str, other: str) -> int:
    """How many letters are the same before the first that isn't."""
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _collect(unit: Unit, model: torch.nn.Module, initial: Tensors, drawn_as: dict[str, str]) -> dict[str, Any]:
    """The `Golden` of `golden.rs`. The model is used up. A checkpoint keeps its own weights, and what it writes is collected, too."""
    names = subjects.variants(unit.recipe)
    fed = [unit.make_inputs(SEED, variant=name) for name in names]
    if unit.is_filled:
        unit.fill_as(model, NONCE, initial, lambda: fed, SEED, drawn_as)
    # What reads sounds or images alone has nothing to go on from a prompt.
    writes = {} if unit.is_filled or not {"tokenizer", "generates", "tokens"} <= unit.has else expected.tokens(unit)
    tensors = {name: list(value.shape) for name, value in model.state_dict().items() if isinstance(value, torch.Tensor)}
    results = [unit.forward(variant, model, SEED) for variant in fed]
    # A copy would take as long as all the rest.
    wide = of_subject(lambda: oracle.widen(model))
    inputs, outputs = {}, {}
    for number, (name, variant, result) in enumerate(zip(names, fed, results, strict=True)):
        prefix = f"{name}: " if number else ""
        inputs |= {prefix + key: _facts(value, None) for key, value in variant.items()}
        exact = unit.forward64(variant, wide, SEED) or {}
        outputs |= {prefix + key: _facts(value, exact.get(key)) for key, value in result.items()}
    return {
        "format": FORMAT,
        "class": type(model).__name__,
        "nonce": str(NONCE) if unit.is_filled else "",
        "seed": SEED,
        "inputs": inputs,
        "outputs": outputs,
        "tensors": tensors,
        **({"continuations": writes} if writes else {}),
    }


def _facts(tensor: torch.Tensor, exact: torch.Tensor | None) -> dict[str, Any]:
    """The `GoldenTensor` of `golden.rs`."""
    shape, dtype = list(tensor.shape), str(tensor.dtype).removeprefix("torch.")
    values = _numbers(tensor)
    finite = values.isfinite()
    kept = values if finite.all() else values[finite]
    facts = {
        "shape": shape,
        "dtype": dtype,
        "non_finite": values.numel() - kept.numel(),
        "mean": float(kept.mean()) if kept.numel() else 0.0,
        "rms": _rms(kept),
        "min": float(kept.min()) if kept.numel() else 0.0,
        "max": float(kept.max()) if kept.numel() else 0.0,
        "noise": None,
        "sketch": sketch(torch.where(finite, values, 0.0)),
    }
    if exact is not None and exact.shape == tensor.shape:
        wide = _numbers(exact)
        if torch.equal(wide.isfinite(), finite):
            noise = _rms(kept - (wide if finite.all() else wide[finite]))
            # Chameleon's scores of images are the least number that there is: that of float64 squared is none.
            facts["noise"] = noise if math.isfinite(noise) else None
    return facts


def _numbers(tensor: torch.Tensor) -> torch.Tensor:
    """Its elements in a row, as float64; of complex ones both parts."""
    return real_numbers(tensor).double().reshape(-1)


def _rms(values: torch.Tensor) -> float:
    return float(values.pow(2).mean().sqrt()) if values.numel() else 0.0


def sketch(values: torch.Tensor) -> list[float]:
    """Sums of the values with fixed signs that look random, over the root of their number: on average over the signs, the square of each
    is the mean square of the values. The sign of an element is that of its place in its block times that of its block."""
    count = values.numel()
    blocks = max(1, math.ceil(count / BLOCK))
    padded = torch.nn.functional.pad(values, (0, blocks * BLOCK - count)).reshape(blocks, BLOCK)
    sums = (padded @ _signs("place", BLOCK) * _signs("block", blocks)).sum(0)
    return [float(value) for value in sums / math.sqrt(max(1, count))]


@functools.cache
def _signs(stream: str, count: int) -> torch.Tensor:
    """Signs, shape `(count, PROJECTIONS)`: the lowest bits of the generator's words."""
    drawn = torch.from_numpy(words(NONCE, f"assay.golden.{stream}", count).view("int64"))
    return 1.0 - 2.0 * (drawn[:, None] >> torch.arange(PROJECTIONS) & 1).double()


def _other_tensors(one: torch.nn.Module, other: torch.nn.Module) -> list[str]:
    """Names of parameters and buffers that have other bits."""
    tensors = [dict([*model.named_parameters(), *model.named_buffers()]) for model in (one, other)]
    return [name for name, value in tensors[0].items() if name not in tensors[1] or not torch.equal(value, tensors[1][name])]


OBSERVERS = {
    "golden.reproducible": reproducible,
    "golden.output": output,
}
