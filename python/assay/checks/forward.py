"""Group `forward`: one call on valid inputs, and the same call again."""

from __future__ import annotations

import torch

from assay.checks.dropout import dropping
from assay.checks.sensitivity import note_unused, unreached
from assay.checks.unit import TIMES, SubjectRaised, Tensors, Unit
from assay.observation import Observation
from assay.subjects import infinite_outputs
from assay.subjects.modules import leaves

LONGEST = 1024
"""Tokens at most of a text that fills the tables of positions: some models have none. Those of tiny models have half as many; at 2048 three
models take 1.3 to 4.5 s (Bloom, LongT5, Funnel), all others less than 1."""
DRAWS = 4
STEP = 7_919
"""Far from the few draws by which other checks go on from the first."""
HALF = 0.5
REFUSALS = (ValueError, RuntimeError, AssertionError, NotImplementedError)
"""What says that a sound is too long."""
STATES = 3
"""Random states that `forward.deterministic` holds against the first."""


def runs(unit: Unit) -> Observation:
    """A forward comes to its end."""
    seen = Observation()
    seen.note(f"{len(unit.reference)} output tensors")
    return seen


def reaches(unit: Unit) -> Observation:
    """Every leaf module that holds parameters is called, or its parameters get a gradient (some modules lend their weight to a
    function instead of being called)."""
    seen = Observation()
    lacking = unreached(unit)
    unused = unit.unused_modules(lacking)
    note_unused(seen, unused)
    seen.count("leaf modules reached", leaves(unit.model).keys() - unused.keys(), sorted(lacking - unused.keys()))
    return seen


def finite(unit: Unit) -> Observation:
    """Every element of every floating output is finite; where infinity is an answer by design, a number."""
    seen = Observation()
    for specs, inputs in unit.fed:
        outputs = unit.reference if inputs is unit.inputs else unit.forward(inputs)
        of = "" if inputs is unit.inputs else f" for {', '.join(spec.name for spec in specs)}"
        infinite = infinite_outputs(unit.architecture, set(outputs))
        for name, tensor in outputs.items():
            if not tensor.is_floating_point():
                continue
            if name in infinite:
                seen.note(f"infinite by design ({name}): {infinite[name]}")
                # All of them infinite is no answer.
                numbers = int((~tensor.isnan()).sum()) if tensor.isfinite().any() else 0
                seen.tally(f"numbers in {name}{of}", numbers, tensor.numel())
            else:
                seen.tally(f"finite elements of {name}{of}", int(tensor.isfinite().sum()), tensor.numel())
    for name, inputs in unit.long_sounds.items():
        try:
            _tally_finite(seen, unit, unit.forward(inputs), f" for {name}, {TIMES} times as long")
        except SubjectRaised as exception:
            # One that takes sounds of one length says so, or fails to add what it has for the others.
            if not isinstance(exception.original, REFUSALS):
                raise
            seen.note(f"no {name} {TIMES} times as long: {type(exception.original).__name__}: {exception.original}"[:200])
    return seen


def long(unit: Unit) -> Observation:
    """Every element of every floating output for a long text is finite."""
    seen = Observation()
    _tally_finite(seen, unit, unit.long_reference)
    seen.note(f"{max(tensor.shape[1] for tensor in unit.long_inputs.values())} tokens")
    return seen


def longest(unit: Unit) -> Observation:
    """The same for a text as long as the tables of positions allow."""
    seen = Observation()
    inputs = unit.lengthened(LONGEST)
    _tally_finite(seen, unit, unit.forward(inputs))
    seen.note(f"{max(tensor.shape[1] for tensor in inputs.values())} tokens")
    return seen


def draws(unit: Unit) -> Observation:
    """Every element is finite for other draws of all weights and all inputs."""
    seen = Observation()
    for number in range(1, DRAWS + 1):
        with unit.filled((unit.nonce + number * STEP) % 2**64):
            for variant in unit.variant_names:
                inputs = unit.make_inputs(unit.seed + number * STEP, variant=variant)
                _tally_finite(seen, unit, unit.forward(inputs), f" at draw {number}")
    return seen


def _tally_finite(seen: Observation, unit: Unit, outputs: Tensors, of: str = "") -> None:
    infinite = infinite_outputs(unit.architecture, set(outputs))
    for name, tensor in outputs.items():
        if tensor.is_floating_point() and name not in infinite:
            seen.tally(f"finite elements of {name}{of}", int(tensor.isfinite().sum()), tensor.numel())


def shapes(unit: Unit) -> Observation:
    """Names, shapes and types of the outputs, with those of the inputs."""
    seen = Observation()
    has = unit.recipe.get("facts", {}).get("has", ["batch_first", "width", "one_state_per_token"])
    # What a vision tower merges comes out in a width of its own.
    named = (getattr(unit.config, name, None) for name in ("hidden_size", "d_model", "out_hidden_size"))
    widths = [width for width in named if isinstance(width, int)] if "width" in has else []
    for name, tensor in unit.reference.items():
        row = {"name": name, "shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch."), "widths": widths}
        seen.fields["outputs"].append(row)
    # Rows that lie end to end say nothing about the batch.
    is_laid_out = "batch_first" in has and not any(spec.packed for spec in unit.specs)
    tokens = () if "one_state_per_token" in has else ("input_ids", "decoder_input_ids")
    for name, tensor in unit.inputs.items() if is_laid_out else ():
        # What the states are not made of one by one counts for the batch alone.
        shape = list(tensor.shape)[: 1 if name in tokens else None]
        seen.fields["inputs"].append({"name": name, "shape": shape, "dtype": str(tensor.dtype).removeprefix("torch.")})
    return seen


def deterministic(unit: Unit) -> Observation:
    """The same input under other random states: what is drawn from few places (a span of a short sound) comes out twice now and then. And
    once more where the model would drop half if it trained: many drop nothing by default."""
    seen = Observation()
    first = unit.forward(unit.inputs, random=unit.seed + 1)
    with dropping(unit.model, HALF) as places:
        try:
            dropping_half = unit.forward(unit.inputs, random=unit.seed + 1) if places else first
            seen.compare_outputs(_named(dropping_half), _named(first))
        except SubjectRaised as exception:  # some have a module for it only where they are built to drop something
            seen.note(f"with dropout set: {type(exception.original).__name__}: {exception.original}"[:200])
    for state in range(2, 2 + STATES):
        again = unit.forward(unit.inputs, random=unit.seed + state)
        seen.compare_outputs(again, first)
        if again.keys() != first.keys() or not all(torch.equal(again[name], tensor) for name, tensor in first.items()):
            break
    return seen


def _named(outputs: Tensors) -> Tensors:
    return {f"{name}, with dropout set": tensor for name, tensor in outputs.items()}


def inputs_unmodified(unit: Unit) -> Observation:
    """The inputs before and after a forward; those of a mask that hides a token, too, since a mask of ones is often left alone."""
    seen = Observation()
    for how, inputs in (("", unit.inputs), *((", a token hidden", its) for its in unit.with_one_hidden)):
        given = {name: tensor.clone() for name, tensor in inputs.items()}
        unit.call(given)
        for name, tensor in inputs.items():
            if tensor.numel():
                seen.compare(f"{name}{how}", given[name], tensor)
    return seen


def repeatable(unit: Unit) -> Observation:
    """An input, another one, and the first again: the answers to the first are the same, and its first answer is still what it was
    (a buffer that is handed out and written again would not be)."""
    seen = Observation()
    handed_out = unit.call({name: tensor.clone() for name, tensor in unit.inputs.items()})
    first = {name: tensor.clone() for name, tensor in handed_out.items()}
    unit.forward(unit.other_inputs)
    kept = {f"{name}, after another call": tensor for name, tensor in handed_out.items()}
    seen.compare_outputs(kept, {f"{name}, after another call": tensor for name, tensor in first.items()})
    seen.compare_outputs(unit.forward(unit.inputs), first)
    return seen


OBSERVERS = {
    "forward.runs": runs,
    "forward.reaches": reaches,
    "forward.finite": finite,
    "forward.long": long,
    "forward.longest": longest,
    "forward.draws": draws,
    "forward.shapes": shapes,
    "forward.deterministic": deterministic,
    "forward.inputs_unmodified": inputs_unmodified,
    "forward.repeatable": repeatable,
}
