"""The group parity on platforms made by hand: each bug is seen by its check."""

import contextlib
import copy
import re
import time
from pathlib import Path

import pytest
import torch
from conftest import JOB, VALUES
from transformers import PreTrainedConfig, PreTrainedModel

from assay import platforms, subjects
from assay.checks import parity, precision
from assay.checks.unit import SubjectRaised, Unit
from assay.platforms import Backend, Executed
from assay.platforms.base import types_of
from assay.raised import StageFailed, Unavailable, describe
from assay.subjects.specs import as_rows

MOST = 1e-6


class Doubles(torch.nn.Module):
    """Two layers, and an output of another type."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(4, 4)
        self.second = torch.nn.Linear(4, 3)

    def forward(self, values):
        states = self.second(torch.relu(self.first(values)))
        return {"last_hidden_state": states, "chosen": states.argmax(-1)}


class Faithful(Backend):
    """Computes in float32 what the model does, by itself."""

    versions = classmethod(lambda cls: {})
    devices = classmethod(lambda cls: [])

    def prepare(self, model, inputs):
        self.weights = [its.detach().clone() for its in model.parameters()]

    def load(self):
        pass

    def run(self, inputs):
        first, bias, second, other = self.weights
        states = torch.relu(inputs["values"] @ first.T + bias) @ second.T + other
        return {"last_hidden_state": states, "chosen": states.argmax(-1)}

    def executed(self, inputs):
        return Executed({"own": 4})

    def numbers(self):
        return {name: "float32" for name in ("first.weight", "second.weight")}


def bug(**parts):
    return type("Faulty", (Faithful,), parts)


@pytest.fixture
def on(unit_of, monkeypatch):
    """Makes a unit on a platform of a class."""

    def make(kind, dtype="float32", model=Doubles):
        monkeypatch.setattr(platforms, "of", lambda name: kind(None, dtype))
        unit = unit_of(model())
        unit.platform = "by-hand"
        return unit

    return make


def wrong(seen):
    rows = seen.fields["comparisons"]
    assert rows
    return [row["label"] for row in rows if row["shape_mismatch"] or row["max_difference"] > MOST * max(1.0, row["max_reference"])]


class Draws(PreTrainedModel):
    """Has random features, which the library draws as it initialises."""

    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(4, 4)
        self.register_buffer("features", torch.randn(4, 4))
        self.post_init()

    def _init_weights(self, module):
        if module is self:
            self.features.normal_()


def test_a_model_that_nobody_has_called_is_the_same_model(monkeypatch, tmp_path):
    monkeypatch.setattr(subjects, "make_config", lambda subject, recipe: PreTrainedConfig())
    monkeypatch.setattr(subjects, "make_model", lambda subject, config: Draws(config).eval())
    recipe = {"inputs": {"all": as_rows((VALUES,))}, "variants": ["all"], "changes": []}
    unit = Unit({**JOB, "recipe": recipe, "scratch": str(tmp_path)})
    own, again = unit.model.state_dict(), unit.uncalled().state_dict()
    assert {name for name in own if not torch.equal(own[name], again[name])} == set()


def test_a_faithful_platform_passes_all(on):
    unit = on(Faithful)
    assert parity.prepares(unit).fields["measures"].keys() == {"export_milliseconds", "export_peak_bytes", "parameters", "values"}
    for check in (parity.outputs, parity.other_inputs, parity.repeatable):
        assert wrong(check(unit)) == []
    assert parity.executes(unit).fields["tallies"] == [{"label": "operations that the backend executed", "have": 4, "of": 4, "lacking": []}]


def test_what_was_traced_and_kept_shows_with_other_inputs_alone(on):
    def prepare(self, model, inputs):
        Faithful.prepare(self, model, inputs)
        self.kept = Faithful.run(self, inputs)

    unit = on(bug(prepare=prepare, run=lambda self, inputs: self.kept))
    assert wrong(parity.outputs(unit)) == []
    assert wrong(parity.other_inputs(unit)) == ["last_hidden_state", "chosen"]


def test_wrong_numbers_an_output_that_is_lost_and_one_of_another_type(on):
    def off(self, inputs):
        return {name: its + 1 if its.is_floating_point() else its for name, its in Faithful.run(self, inputs).items()}

    def lost(self, inputs):
        return {"last_hidden_state": Faithful.run(self, inputs)["last_hidden_state"]}

    def turned(self, inputs):
        return {name: its.to(torch.int32) if name == "chosen" else its for name, its in Faithful.run(self, inputs).items()}

    assert wrong(parity.outputs(on(bug(run=off)))) == ["last_hidden_state"]
    assert wrong(parity.outputs(on(bug(run=lost)))) == ["chosen"]
    assert wrong(parity.outputs(on(bug(run=turned)))) == ["chosen"]


def test_a_platform_that_hands_the_work_to_torch(on):
    unit = on(bug(executed=lambda self, inputs: Executed({}, ["torch: addmm × 2"])))
    (row,) = parity.executes(unit).fields["tallies"]
    assert (row["have"], row["of"], row["lacking"]) == (0, 2, ["torch: addmm × 2"])
    nothing = on(bug(executed=lambda self, inputs: Executed()))
    (row,) = parity.executes(nothing).fields["tallies"]
    assert (row["have"], row["of"]) == (0, 1)


def test_a_session_that_remembers(on):
    def run(self, inputs):
        answer = Faithful.run(self, inputs)
        self.calls = getattr(self, "calls", 0) + 1
        return {name: its + self.calls if its.is_floating_point() else its for name, its in answer.items()}

    assert set(wrong(parity.repeatable(on(bug(run=run))))) == {"last_hidden_state"}


def test_a_backend_that_leaves_and_one_whose_part_is_gone_keep_their_stage(on):
    def leave(backend, inputs):
        raise SystemExit(3)

    def lose(backend, inputs):
        import torch.no_such_part  # noqa: F401

    for run, exception in ((leave, "SystemExit"), (lose, "ModuleNotFoundError")):
        with pytest.raises(SubjectRaised) as raised:
            parity.outputs(on(bug(run=run)))
        told = describe(raised.value.original, "subject")
        # The package is there: that a part of it is not is no reason to skip.
        assert (told["exception"], told["stage"], told["missing_package"]) == (exception, "run", None)


def test_what_runs_holds_the_weights_as_well(on):
    class Holds(Faithful):
        held = 0

        def load(self):
            self.held = 1 << 25

        def forget_peak(self):
            return self.held

        peak = forget_peak

    seen = parity.outputs(on(Holds))
    assert seen.fields["measures"]["run_peak_bytes"] == 1 << 25
    least = sum(its.numel() * its.element_size() for its in Doubles().parameters())
    assert parity.outputs(on(Faithful)).fields["measures"]["run_peak_bytes"] >= least


@pytest.mark.parametrize(("times", "which", "is_asked_again"), [(1.7, "first", True), (1.7, "all", False), (6.0, "first", False)])
def test_what_is_hardly_beyond_the_bound_is_asked_again_and_has_to_hold_then(on, times, which, is_asked_again):
    made = []

    def run(backend, inputs):
        answer = Faithful.run(backend, inputs)
        made.append(inputs["values"])
        states = answer["last_hidden_state"]
        # The bound of an exact answer, nearly: four epsilons of what is usual.
        wrong_by = times * 4 * torch.finfo(torch.float32).eps * states.pow(2).sum().sqrt()
        is_wrong = which == "all" or torch.equal(inputs["values"], made[0])
        states[0, 0, 0] += wrong_by * is_wrong
        return answer

    class Off(bug(run=run)):
        def load(self):
            made.clear()

    unit = on(Off)
    seen = parity.outputs(unit)
    assert ("other_inputs" in seen.fields) == is_asked_again


class Noisy(Doubles):
    """Adds random numbers in eval mode, too."""

    def forward(self, values):
        answer = super().forward(values)
        return {**answer, "last_hidden_state": answer["last_hidden_state"] + torch.randn(1)}


def test_a_model_that_draws_is_compared_where_the_same_is_drawn_and_skipped_elsewhere(on):
    def run(backend, inputs):
        answer = Faithful.run(backend, inputs)
        return {**answer, "last_hidden_state": answer["last_hidden_state"] + torch.randn(1)}

    assert wrong(parity.outputs(on(bug(run=run), model=Noisy))) == []
    others = bug(run=run, draws_alike=False)
    for check in (parity.outputs, parity.other_inputs, parity.repeatable):
        with pytest.raises(Unavailable, match="draws random numbers") as raised:
            check(on(others, model=Noisy))
        assert raised.value.kind == "model_unsupported"
    # What such a platform answers where nothing is drawn is no secret.
    assert wrong(parity.outputs(on(bug(draws_alike=False)))) == []
    broken = bug(draws_alike=False, run=lambda backend, inputs: {name: its + 1 for name, its in Faithful.run(backend, inputs).items()})
    assert wrong(parity.outputs(on(broken))) != []
    seen = parity.executes(on(others, model=Noisy))
    assert seen.fields["tallies"]


def test_a_runner_that_gives_out_the_answer_of_the_call_before(on):
    def run(self, inputs):
        answer = Faithful.run(self, inputs)
        before, self.before = getattr(self, "before", answer), answer
        return before

    unit = on(bug(run=run))
    parity.other_inputs(unit)
    assert "last_hidden_state" in wrong(parity.repeatable(unit))


@pytest.mark.parametrize(("part", "stage"), [("prepare", "export"), ("load", "load"), ("run", "run")])
def test_the_stage_that_fails_is_named(on, part, stage):
    def raises(self, *arguments):
        raise NotImplementedError("aten::foo")

    unit = on(bug(**{part: raises}))
    with pytest.raises(SubjectRaised) as caught:
        parity.outputs(unit)
    assert isinstance(caught.value.original, StageFailed)
    told = describe(caught.value.original, "subject")
    assert (told["stage"], told["exception"], told["message"]) == (stage, "NotImplementedError", "aten::foo")


def test_what_a_machine_lacks_is_said_with_its_kind_and_what_mends_it(on, monkeypatch):
    def of(name):
        raise Unavailable("package_missing", "the package `x` is not installed", "pip install x")

    unit = on(Faithful)
    monkeypatch.setattr(platforms, "of", of)
    with pytest.raises(SubjectRaised) as caught:
        parity.prepares(unit)
    told = describe(caught.value.original, "subject")
    assert told["unavailable"] == {"kind": "package_missing", "words": "the package `x` is not installed", "mend": "pip install x"}


class Chooses(torch.nn.Module):
    """Doubles the states of a row where a number is beyond a border."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(4, 3)
        self.border = 0.0

    def forward(self, values):
        states = self.first(values)
        return {"last_hidden_state": torch.where(states[:, :1, :1] > self.border, 2 * states, states)}


class Rounds(Backend):
    """Runs the model, and rounds its numbers a little further down."""

    versions = classmethod(lambda cls: {})
    devices = classmethod(lambda cls: [])
    executed = None

    def prepare(self, model, inputs):
        self.model = model

    def load(self):
        pass

    def run(self, inputs):
        states = self.model.first(inputs["values"])
        return {"last_hidden_state": torch.where(states[:, :1, :1] - 1e-7 > self.model.border, 2 * states, states)}


Rounds.__abstractmethods__ = frozenset()


def test_a_choice_that_rounding_turns_is_asked_again_with_other_inputs(unit_of, monkeypatch):
    monkeypatch.setattr(platforms, "of", lambda name: Rounds(None))
    unit = unit_of(Chooses())
    unit.platform = "by-hand"
    unit.model.border = unit.model64.border = float(unit.model.first(unit.inputs["values"])[0, 0, 0]) - 5e-8
    seen = parity.outputs(unit)
    assert wrong(seen) == []
    assert seen.fields["other_inputs"] == "last_hidden_state"
    # Far from the border it is the platform that is wrong, whatever the inputs.
    unit.model.border = unit.model64.border = 0.0
    monkeypatch.setattr(Rounds, "run", lambda self, inputs: {"last_hidden_state": 3 * self.model.first(inputs["values"])})
    assert wrong(parity.outputs(unit)) == ["last_hidden_state"]


def test_the_platforms_that_are_named_are_those_that_there_are():
    table = (Path(__file__).parents[2] / "crates/assay-model/src/platform.rs").read_text(encoding="utf-8")
    names = re.findall(r'Self::\w+ => row\(\s*"([a-z-]+)"', table)
    names.remove("remote")  # where endpoints are: no model runs there
    assert len(names) == 17
    for name in names:
        if name in platforms.NOT_YET:
            with pytest.raises(Unavailable):
                platforms.kind_of(name)
        else:
            assert issubclass(platforms.kind_of(name), Backend)


def test_a_platform_tells_what_it_is_made_of_or_what_it_lacks():
    found = platforms.detect("torch-export")
    assert found["versions"]["torch"] == torch.__version__.split("+")[0]
    assert found["devices"]
    lacking = platforms.detect("webgpu")["lacking"]
    assert (lacking["kind"], lacking["mend"]) == ("not_yet", None)


class Wide(torch.nn.Module):
    """As wide as errors need to be told from luck."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(4, 64), torch.nn.Linear(64, 512)

    def forward(self, values):
        return {"last_hidden_state": self.second(torch.relu(self.first(values)))}


class Runs(Backend):
    """Runs a model as torch does, and gives out what it gives out times `off`."""

    versions = classmethod(lambda cls: {})
    devices = classmethod(lambda cls: [])
    off = 1.0

    def prepare(self, model, inputs):
        self.model = copy.deepcopy(model)

    def load(self):
        pass

    def run(self, inputs):
        with torch.no_grad():
            return {name: its * self.off if its.is_floating_point() else its for name, its in self.model(**inputs).items()}

    def executed(self, inputs):
        return Executed({"own": 1})

    def numbers(self):
        return types_of(self.model.named_parameters())


class EightBits(Runs):
    """Holds weights in eight bits."""

    def numbers(self):
        return {"first.weight": "int8", "second.weight": "int8"}

    rows = 1

    def prepare(self, model, inputs):
        super().prepare(model, inputs)
        with torch.no_grad():
            for its in self.model.parameters():
                if its.ndim == 2:
                    scale = its.abs().amax(self.rows, keepdim=True) / 127
                    its.copy_((its / scale).round() * scale)


def close(seen):
    """Whether the judge's rule holds (`oracle.rs`)."""
    rows = seen.fields["comparisons"]
    assert rows
    epsilon = {"bfloat16": 2**-7, "float16": 2**-10, "qint8": 2**-7}
    return all(row["oracle"]["result"] <= 3 * row["oracle"]["reference"] + 4 * epsilon[row["dtype"]] * row["rms_reference"] for row in rows)


@pytest.mark.parametrize(
    ("kind", "dtype", "name"), [(Runs, "bfloat16", "bfloat16"), (Runs, "float16", "float16"), (EightBits, "int8", "qint8")]
)
def test_in_shorter_numbers_it_is_held_against_what_storing_them_costs(on, kind, dtype, name):
    for check in (parity.outputs, parity.other_inputs):
        seen = check(on(kind, dtype, Wide))
        assert [row["dtype"] for row in seen.fields["comparisons"]] == [name]
        assert close(seen)
        assert not close(check(on(type("Off", (kind,), {"off": 1.1}), dtype, Wide)))


def test_the_model_and_its_inputs_come_in_the_numbers_that_are_asked_for(on):
    types = []

    class Looks(Runs):
        def run(self, inputs):
            types.append((next(self.model.parameters()).dtype, inputs["values"].dtype))
            return super().run(inputs)

    for dtype in ("bfloat16", "int8", "default"):
        parity.outputs(on(Looks, dtype, Wide))
        assert set(types) == {(torch.bfloat16, torch.bfloat16) if dtype == "bfloat16" else (torch.float32, torch.float32)}
        types.clear()


@pytest.mark.parametrize(("kind", "dtype"), [(Runs, "bfloat16"), (Runs, "float32"), (EightBits, "int8")])
def test_weights_are_held_in_the_numbers_that_are_asked_for(on, kind, dtype):
    handed_over, held = parity.numbers(on(kind, dtype, Wide)).fields["tallies"]
    assert (handed_over["have"], handed_over["of"]) == (4, 4)
    assert held["have"] == held["of"] > 0

    class Ignores(kind):
        def numbers(self):
            return super().numbers() | {"second.weight": "float64"}

    handed_over, held = parity.numbers(on(Ignores, dtype, Wide)).fields["tallies"]
    assert handed_over["lacking"] == []
    assert held["lacking"] == ["second.weight: float64"]


def test_a_model_that_comes_in_other_numbers_than_were_asked_for_is_seen(on, monkeypatch):
    unit = on(Runs, "bfloat16", Wide)
    monkeypatch.setattr(precision, "converted", lambda unit, dtype: unit.model)
    handed_over, held = parity.numbers(unit).fields["tallies"]
    assert (handed_over["have"], handed_over["of"]) == (0, 4)
    assert held["have"] == held["of"]


def test_what_the_library_keeps_in_float32_is_no_loss(on):
    class Keeps(Wide):
        def _get_dtype_plan(self, dtype):
            return {"second": torch.float32}

        def to(self, dtype):
            answer = super().to(dtype)
            answer.second.float()
            return answer

        def forward(self, values):
            return {"last_hidden_state": self.second(torch.relu(self.first(values)).float())}

    seen = parity.numbers(on(Runs, "bfloat16", Keeps))
    assert [row["lacking"] for row in seen.fields["tallies"]] == [[], []]
    assert "second.weight stays in float32 by the library's own word" in seen.fields["notes"]


class Points(Wide):
    """Says beside its states which is the largest, and which rows count."""

    def forward(self, values):
        states = super().forward(values)["last_hidden_state"]
        return {"last_hidden_state": states, "rows": torch.arange(states.shape[1]), "counts": values[:, :, 0] > -9}


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_in_shorter_numbers_what_is_no_number_is_compared_too(on, dtype):
    kind = EightBits if dtype == "int8" else Runs

    def of(change):
        class Changes(kind):
            def run(self, inputs):
                with torch.no_grad():
                    return change(self.model(**inputs))

        rows = parity.outputs(on(Changes, dtype, Points)).fields["comparisons"]
        return [row["label"] for row in rows if row["shape_mismatch"] or (row["dtype"] in ("int64", "bool") and row["differing"])]

    assert of(lambda answer: answer) == []
    assert of(lambda answer: answer | {"rows": answer["rows"].flip(0)}) == ["rows"]
    assert of(lambda answer: answer | {"counts": ~answer["counts"]}) == ["counts"]
    assert of(lambda answer: answer | {"rows": answer["rows"].int()}) == ["rows"]
    assert of(lambda answer: answer | {"last_hidden_state": answer["last_hidden_state"].double()}) == ["last_hidden_state"]
    assert of(lambda answer: {name: its for name, its in answer.items() if name != "counts"}) == ["counts"]
    assert of(lambda answer: answer | {"more": answer["rows"]}) == ["more"]


def test_a_choice_that_rounding_turns_is_none_of_the_platform(on):
    class Largest(Wide):
        def forward(self, values):
            states = super().forward(values)["last_hidden_state"]
            return {"last_hidden_state": states, "largest": states.argmax(-1), "sorted": states.argsort(-1)}

    seen = parity.outputs(on(Runs, "bfloat16", Largest))
    assert "sorted not compared: rounding alone turns a choice in it" in seen.fields["notes"]
    assert "sorted" not in [row["label"] for row in seen.fields["comparisons"]]


class Loose(Runs):
    """Rounds to bfloat16 unless it is told not to."""

    def load(self):
        self.loose = "a setting: on"

    def run(self, inputs):
        return {name: its.bfloat16().float() if self.loose else its for name, its in super().run(inputs).items()}

    @contextlib.contextmanager
    def exactly(self):
        self.loose = ""
        yield
        self.loose = "a setting: on"


def test_what_explains_a_difference_is_turned_off_and_both_are_told(on):
    seen = parity.outputs(on(Loose, "default", Wide))
    assert wrong(seen) == ["last_hidden_state"]
    explained = seen.fields["explained"]
    assert explained["setting"] == "a setting: on"
    assert [row["max_difference"] for row in explained["comparisons"]] == [0.0]
    assert "explained" not in parity.outputs(on(Runs, "default", Wide)).fields


def test_a_platform_and_eager_torch_are_timed_in_turn(on):
    class Slow(Runs):
        def run(self, inputs):
            time.sleep(0.2)
            return super().run(inputs)

    measures = parity.outputs(on(Slow, model=Wide)).fields["measures"]
    assert measures["forward_milliseconds"] >= 200 > measures["eager_milliseconds"] > 0
    assert measures["run_peak_bytes"] >= 0
