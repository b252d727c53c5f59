"""Group `parity`: the same model on another platform, held against eager torch and against float64."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assay import platforms
from assay.checks import steady
from assay.checks.batch import note_oracle
from assay.checks.unit import SubjectRaised, Tensors, Unit, named_tensors, of_subject, seed_generators
from assay.observation import Observation
from assay.platforms import Backend
from assay.raised import StageFailed


@dataclass
class Ported:
    """A model on its platform."""

    backend: Backend
    seconds: dict[str, float]
    """What each stage took."""
    seed: int

    def run(self, inputs: Tensors) -> Tensors:
        """Outputs by name."""
        return {name: its.clone() for name, its in named_tensors(self._stage(2, lambda: self.backend.run(inputs))).items()}

    def _stage(self, number: int, call: Any) -> Any:
        stage = self.backend.stages[number]
        # As before each forward of the model itself.
        seed_generators(self.seed)
        began = time.monotonic()

        def named() -> Any:
            try:
                return call()
            except SubjectRaised:
                raise
            except Exception as exception:
                raise StageFailed(stage, exception) from exception

        answer = of_subject(named)
        self.seconds[stage] = time.monotonic() - began
        return answer


def prepared(unit: Unit) -> Ported:
    """The model as the backend takes it."""

    def make() -> Ported:
        # What the model itself raises is no matter of the platform.
        model, inputs = unit.model, unit.inputs
        ported = Ported(of_subject(lambda: platforms.of(unit.platform)), {}, unit.seed)
        ported._stage(0, lambda: ported.backend.prepare(model, inputs))
        return ported

    return unit.once("prepared", make)


def loaded(unit: Unit) -> Ported:
    """The same, ready to run."""

    def make() -> Ported:
        ported = prepared(unit)
        ported._stage(1, ported.backend.load)
        return ported

    return unit.once("ported", make)


def prepares(unit: Unit) -> Observation:
    """The backend takes the model: it is exported, or compiled, or moved."""
    seen = Observation()
    _say(seen, prepared(unit))
    return seen


def loads(unit: Unit) -> Observation:
    """What was made of it is ready to run."""
    seen = Observation()
    ported = loaded(unit)
    _say(seen, ported)
    for name, value in ported.backend.settings.items():
        seen.note(f"{name}: {value}")
    return seen


def executes(unit: Unit) -> Observation:
    """Operations that the backend executed itself, by its own word, of all that were executed."""
    seen = Observation()
    ported = loaded(unit)
    executed = ported._stage(2, lambda: ported.backend.executed(unit.inputs))
    own = sum(executed.by.values())
    seen.tally("operations that the backend executed", own, max(own, 1) + len(executed.elsewhere), executed.elsewhere)
    for part, count in sorted(executed.by.items()):
        seen.note(f"{part}: {count}")
    return seen


def outputs(unit: Unit) -> Observation:
    """Outputs for the inputs that the model was prepared with."""
    return _steady(unit, lambda fed: fed.inputs)


def other_inputs(unit: Unit) -> Observation:
    """Outputs for other values: a graph keeps what it computed while it was traced."""
    return _steady(unit, lambda fed: fed.other_inputs)


def _steady(unit: Unit, which: Callable[[Unit], Tensors]) -> Observation:
    """Every output against that of eager torch. Where they differ since a choice lies so near that float32's rounding turns it in eager
    torch, too, with other inputs: what the graph was made of is their shapes."""
    ported = loaded(unit)

    def compared(fed: Unit) -> Observation:
        seen = Observation()
        inputs = which(fed)
        _compare(seen, ported.run(inputs), fed.forward(inputs), fed.forward64(inputs))
        seen.fields["devices"] = sorted(ported.backend.seen)
        note_oracle(seen, fed)
        return seen

    def eager(fed: Unit) -> Observation:
        seen = Observation()
        inputs = which(fed)
        seen.compare_outputs(fed.forward(inputs), unit.forward64(which(unit)) or {})
        return seen

    seen = compared(unit)
    # What is finite in one run only, or of another shape or type, is never excused.
    if any(row["non_finite_mismatch"] or row["shape_mismatch"] for row in seen.fields["comparisons"]):
        return seen
    if not steady.differs(seen) or not steady.can_turn(eager, unit):
        return seen
    others = [compared(unit.fed_anew(unit.seed + draw * steady.STEP)) for draw in range(1, steady.DRAWS + 1)]
    if any(map(steady.differs, others)):
        return seen
    others[0].fields["other_inputs"] = steady.what_differed(seen)
    return others[0]


def repeatable(unit: Unit) -> Observation:
    """An input before and after another one was fed, and once more: an answer may be that of the call before."""
    seen = Observation()
    ported = loaded(unit)
    first = ported.run(unit.inputs)
    ported.run(unit.other_inputs)
    for _ in range(2):
        seen.compare_outputs(ported.run(unit.inputs), first)
    seen.fields["devices"] = sorted(ported.backend.seen)
    return seen


def _compare(seen: Observation, results: Tensors, references: Tensors, exact: Tensors | None) -> None:
    """An exported graph answers as the model does: one that leaves an output out, or turns its type, is not the same model."""
    for name in [*references, *(name for name in results if name not in references)]:
        if name not in results or name not in references:
            one = {name: (results | references)[name]}
            seen.compare_outputs(one if name in results else {}, one if name in references else {})
        elif references[name].numel() or results[name].shape != references[name].shape:
            seen.compare(name, results[name], references[name], (exact or {}).get(name))


def _say(seen: Observation, ported: Ported) -> None:
    seen.fields["measures"] = {f"{stage}_milliseconds": round(1e3 * seconds) for stage, seconds in ported.seconds.items()}


OBSERVERS = {
    "parity.prepares": prepares,
    "parity.loads": loads,
    "parity.executes": executes,
    "parity.outputs": outputs,
    "parity.other_inputs": other_inputs,
    "parity.repeatable": repeatable,
}
