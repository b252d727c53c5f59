"""Group `parity`: the same model on another platform, held against eager torch and against float64."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch

from assay import platforms, subjects
from assay.checks import precision, steady
from assay.checks.batch import note_oracle
from assay.checks.unit import SubjectRaised, Tensors, Unit, named_tensors, of_subject, seed_generators
from assay.observation import Observation
from assay.platforms.base import Backend, types_of
from assay.raised import StageFailed, Unavailable

SHORTER = {"bfloat16": torch.bfloat16, "float16": torch.float16, "int8": torch.qint8}
"""Numbers in which a result can't be as near to float64 as eager torch in float32."""
RUNS = 7
"""How often a platform and eager torch run in turn, to be timed: the least and the most of seven ratios have their median between them in
98 % of all cases, whatever is measured (order statistics: 1 - 2 / 2^7)."""


@dataclass
class Ported:
    """A model on its platform."""

    backend: Backend
    model: torch.nn.Module
    """The model as it was handed over: in the numbers that were asked for."""
    seconds: dict[str, float]
    """What each stage took."""
    peaks: dict[str, int]
    """By how many bytes each stage raised what the process holds, at its height."""
    seed: int
    kept: int = 0
    """Bytes that stay held of what was made ready to run: the weights, mostly."""

    @property
    def shorter(self) -> torch.dtype | None:
        """The type of the numbers, where that is not float32."""
        return SHORTER.get(self.backend.dtype)

    @property
    def of_model(self) -> torch.dtype:
        """The type that the model has."""
        return self.shorter if self.shorter in (torch.bfloat16, torch.float16) else torch.float32

    def run(self, inputs: Tensors) -> Tensors:
        """Outputs by name."""
        fed = self.fed(inputs)
        return {name: its.clone() for name, its in named_tensors(self.stage(2, lambda: self.backend.run(fed))).items()}

    def fed(self, inputs: Tensors) -> Tensors:
        """Inputs in the type of the model."""
        return precision.in_type(inputs, self.of_model)

    def stage(self, number: int, call: Any) -> Any:
        """Does one of the backend's stages, under its name."""
        stage = self.backend.stages[number]
        # As before each forward of the model itself.
        seed_generators(self.seed)
        held = self.backend.forget_peak()
        began = time.monotonic()

        def named() -> Any:
            try:
                return call()
            except SubjectRaised:
                raise
            except (Exception, SystemExit) as exception:
                raise StageFailed(stage, exception) from exception

        answer = of_subject(named)
        self.seconds[stage] = time.monotonic() - began
        self.peaks[stage] = max(self.peaks.get(stage, 0), self.backend.peak() - held)
        if number < 2 and self.backend.holds_from <= number:
            self.kept += max(0, self.backend.forget_peak() - held)
        return answer


def prepared(unit: Unit) -> Ported:
    """The model as the backend takes it."""

    def make() -> Ported:
        backend = of_subject(lambda: platforms.of(unit.platform))
        backend.trusts_code = unit.subject.get("trust_remote_code", False)
        ported = Ported(backend, unit.model, {}, {}, unit.seed)
        # What the model itself raises is no matter of the platform.
        is_float32 = ported.of_model == torch.float32
        ported.model = unit.uncalled() if is_float32 else precision.converted(unit, ported.of_model)
        inputs = ported.fed(unit.inputs)
        ported.stage(0, lambda: ported.backend.prepare(ported.model, inputs))
        if ported.backend.made_before:
            ported.seconds.clear()
            ported.peaks.clear()
        return ported

    return unit.once("prepared", make)


def loaded(unit: Unit) -> Ported:
    """The same, ready to run."""

    def make() -> Ported:
        ported = prepared(unit)
        ported.stage(1, ported.backend.load)
        return ported

    return unit.once("ported", make)


def prepares(unit: Unit) -> Observation:
    """The backend takes the model: it is exported, or compiled, or moved."""
    seen = Observation()
    ported = prepared(unit)
    _say(seen, ported)
    if ported.backend.made_before:
        seen.note("made by an earlier run of the same weights, configuration, inputs and sources, and kept")
    fed = [*unit.inputs.values(), *unit.reference.values()]
    seen.fields["measures"] |= {
        "parameters": sum(its.numel() for its in unit.model.parameters()),
        "values": sum(its.numel() for its in fed),
    }
    return seen


def loads(unit: Unit) -> Observation:
    """What was made of it is ready to run."""
    seen = Observation()
    ported = loaded(unit)
    _say(seen, ported)
    for name, value in ported.backend.settings.items():
        seen.note(f"{name}: {value}")
    return seen


def numbers(unit: Unit) -> Observation:
    """What is held and computed in the numbers that were asked for: of the model as it was handed over, and by the backend's own word."""
    seen = Observation()
    ported = loaded(unit)
    backend = ported.backend
    given = types_of(ported.model.named_parameters())
    own = types_of(unit.model.named_parameters())
    asked = str(ported.of_model).removeprefix("torch.")
    kept = {name for name in given if given[name] == own.get(name) and precision.stays_wide(ported.model, ported.of_model, name)}
    other = [f"{name}: {its}" for name, its in given.items() if its != asked and name not in kept and own.get(name) == "float32"]
    seen.count(f"weights of the model as it was handed over in {asked}", given, other)
    for name in sorted(kept):
        seen.note(f"{name} stays in float32 by the library's own word")
    says = backend.numbers()
    wanted = {name: backend.dtype if backend.dtype == "int8" else given.get(name, backend.dtype) for name in says}
    wrong = [f"{name}: {its}" for name, its in says.items() if its != wanted[name]]
    seen.count(f"what the backend holds and computes in {backend.dtype}, by its own word", says, wrong)
    return seen


def comparable(unit: Unit) -> Ported:
    """The model ready to run, whose answers can be held against those of eager torch. Raises `Unavailable`."""
    ported = loaded(unit)
    if not ported.backend.draws_alike and unit.draws:
        words = f"the model draws random numbers in eval mode, and `{unit.platform}` draws others than torch does on the processor"
        raise Unavailable("model_unsupported", words)
    return ported


def executes(unit: Unit) -> Observation:
    """Operations that the backend executed itself, by its own word, of all that were executed; and what else had a part in any run of the
    checks before."""
    seen = Observation()
    ported = loaded(unit)
    executed = ported.stage(2, lambda: ported.backend.executed(ported.fed(unit.inputs)))
    own = sum(executed.by.values())
    seen.tally("operations that the backend executed", own, max(own, 1) + len(executed.elsewhere), executed.elsewhere)
    for part, count in sorted(executed.by.items()):
        seen.note(f"{part}: {count}")
    return seen


def outputs(unit: Unit) -> Observation:
    """Outputs for the inputs that the model was prepared with, and how long it takes."""
    seen = _explained(unit, lambda fed: fed.inputs)
    _say(seen, loaded(unit))
    seen.fields["measures"] |= _timed(unit)
    return seen


def other_inputs(unit: Unit) -> Observation:
    """Outputs for other values: a graph keeps what it computed while it was traced. And where a mask hides a token: of one that is all ones
    nobody knows whether it is read."""
    seen = _explained(unit, lambda fed: fed.other_inputs)
    if unit.with_one_hidden:
        _add(seen, _explained(unit, lambda fed: fed.with_one_hidden[0], _but_the_hidden), ", a token hidden")
    return seen


def _but_the_hidden(outputs: Tensors, inputs: Tensors) -> Tensors:
    """Outputs without what is said at the place of the token that is hidden: nobody reads it, and what a mask of -1e10 leaves of a score
    there is another thing in each type."""
    length = {its.shape for its in inputs.values() if its.ndim == 2}
    seen = {}
    for name, its in outputs.items():
        if its.ndim > 2 and its.is_floating_point() and its.shape[:2] in length:
            its = its.clone()
            its[-1, -2] = 0
        seen[name] = its
    return seen


def _add(seen: Observation, more: Observation, how: str) -> None:
    """Takes the comparisons of another observation, each under its name and how it was made."""
    (into, explained), (fields, its) = [(each.fields, each.fields.get("explained") or {}) for each in (seen, more)]
    for row in (*fields["comparisons"], *its.get("comparisons", ())):
        row["label"] += how
    into["comparisons"] += fields["comparisons"]
    if its:
        into["explained"] = {**its, "comparisons": explained.get("comparisons", []) + its["comparisons"]}
    into["notes"] += [note for note in fields["notes"] if note not in into["notes"]]
    if "other_inputs" in fields:
        into.setdefault("other_inputs", fields["other_inputs"])


def _explained(unit: Unit, which: Callable[[Unit], Tensors], of: Callable[[Tensors, Tensors], Tensors] | None = None) -> Observation:
    """Every output against float64. Where they differ and the backend rounds more than it was asked to, the same with that turned off."""
    ported = comparable(unit)

    def compared(unit: Unit, which: Callable[[Unit], Tensors]) -> Observation:
        return _steady(unit, which, of) if ported.shorter is None else _rounded(unit, which)

    seen = compared(unit, which)
    setting = ported.backend.loose
    if setting and seen.fields["comparisons"]:
        with ported.backend.exactly():
            rows = compared(unit, which).fields["comparisons"]
        seen.fields["explained"] = {"setting": setting, "comparisons": rows}
    return seen


def _rounded(unit: Unit, which: Callable[[Unit], Tensors]) -> Observation:
    """The same for numbers shorter than float32: as near to float64 as storing them allows."""
    ported, seen = loaded(unit), Observation()
    inputs = which(unit)
    exact = unit.forward64(inputs)
    if exact is None:
        exact = unit.forward(inputs)
    note_oracle(seen, unit)
    results = ported.run(inputs)
    turning = precision.against_rounded(seen, unit, inputs, results, exact, ported.shorter)
    _as_torch_answers(seen, unit, inputs, results, exact, turning)
    if not seen.fields["comparisons"]:
        seen.fields["unsupported"] = "; ".join(dict.fromkeys(turning.values())) or precision.TURNED
    seen.fields["devices"] = sorted(ported.backend.seen)
    return seen


def _as_torch_answers(seen: Observation, unit: Unit, inputs: Tensors, results: Tensors, exact: Tensors, but: Collection[str]) -> None:
    """Of an answer in shorter numbers what is no floating-point number, and of all outputs which there are and of what type, against eager
    torch in the same numbers. A choice that rounding turns is none of the platform's."""
    ported = loaded(unit)
    for name, right in unit.forward(ported.fed(inputs), ported.model).items():
        result = results.pop(name, None) if name not in but else right
        if result is None:
            if not right.is_floating_point():  # those were compared before
                seen.compare_outputs({}, {name: right})
        elif right.is_floating_point() or right.is_complex():
            wide = torch.float32 if ported.backend.answers_wide else right.dtype
            if result.dtype != wide:
                seen.compare(name, result, right.to(wide))
        elif result.dtype != right.dtype:
            seen.compare(name, result, right)
        elif torch.equal(right, exact[name]) and not precision.turned_by_rounding(unit, inputs, ported.shorter, name, result, exact[name]):
            seen.compare_outputs({name: result}, {name: right})
        else:
            seen.note(f"{name} not compared: rounding alone turns a choice in it")
    seen.compare_outputs({name: its for name, its in results.items() if name not in but}, {})


def _timed(unit: Unit) -> dict[str, float]:
    """Milliseconds of a forward here and in eager torch in float32, in turn."""
    ported, inputs = loaded(unit), unit.inputs
    fed = ported.fed(inputs)

    def eager() -> None:
        with torch.no_grad():
            subjects.call(unit.model, {name: its.clone() for name, its in inputs.items()})

    def seconds(call: Callable[[], Any]) -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    def in_turn() -> list[tuple[float, float]]:
        return [(seconds(lambda: ported.backend.run(fed)), seconds(eager)) for _ in range(RUNS)]

    ported.backend.watches = False
    taken = of_subject(in_turn)
    ported.backend.watches = True
    here, there = (statistics.median(column) for column in zip(*taken, strict=True))
    ratios = [one / other for one, other in taken]
    return {
        "forward_milliseconds": 1e3 * here,
        "eager_milliseconds": 1e3 * there,
        "latency_ratio": statistics.median(ratios),
        "latency_ratio_low": min(ratios),
        "latency_ratio_high": max(ratios),
        "rows": unit.batch,
    }


def _steady(unit: Unit, which: Callable[[Unit], Tensors], of: Callable[[Tensors, Tensors], Tensors] | None = None) -> Observation:
    """Every output, or what is taken `of` it, against that of eager torch. Where they differ since a choice lies so near that float32's
    rounding turns it in eager torch, too, or are hardly more than is allowed, with two other inputs: what the graph was made of is their
    shapes."""
    ported = loaded(unit)

    def compared(fed: Unit) -> Observation:
        seen = Observation()
        inputs = which(fed)
        answers = ported.run(inputs), fed.forward(inputs), fed.forward64(inputs)
        _compare(seen, *(its if of is None or its is None else of(its, inputs) for its in answers))
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
    if not steady.differs(seen) or not (steady.is_near(seen) or steady.can_turn(eager, unit)):
        return seen
    others = [compared(unit.fed_anew(unit.seed + draw * steady.STEP)) for draw in range(1, steady.DRAWS + 1)]
    if any(map(steady.differs, others)):
        return seen
    others[0].fields["other_inputs"] = steady.what_differed(seen)
    return others[0]


def repeatable(unit: Unit) -> Observation:
    """An input before and after another one was fed, and once more: an answer may be that of the call before."""
    seen = Observation()
    ported = comparable(unit)
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
    seen.fields["measures"] = {f"{stage}_milliseconds": 1e3 * seconds for stage, seconds in ported.seconds.items()}
    # What runs holds the weights, too. Memory that was free in this process already is not seen; no less than the weights can be held.
    least = sum(its.numel() * its.element_size() for its in ported.model.parameters()) if ported.backend.holds_from == 0 else 0
    of_run = ported.backend.stages[2]
    peaks = {stage: peak + max(ported.kept, least) * (stage == of_run) for stage, peak in ported.peaks.items()}
    seen.fields["measures"] |= {f"{stage}_peak_bytes": peak for stage, peak in peaks.items()}


OBSERVERS = {
    "parity.prepares": prepares,
    "parity.loads": loads,
    "parity.numbers": numbers,
    "parity.outputs": outputs,
    "parity.other_inputs": other_inputs,
    "parity.repeatable": repeatable,
    "parity.executes": executes,
}
