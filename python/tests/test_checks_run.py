"""Running checks: every planned one is reported, whatever happens in it."""

import json
import re
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import torch
from conftest import JOB

import assay
from assay import checks, extension, subjects
from assay.checks.unit import Unit, of_subject

CLEAN = {"kind": "architecture", "name": "bert", "auto_class": "AutoModel"}


class Told:
    """A report that keeps what it is told, in order."""

    def __init__(self):
        self.order, self.observations, self.evidences = [], {}, []

    def stage(self, name):
        self.order.append(f"stage {name}")

    def check_started(self, check):
        self.order.append(check)

    def observed(self, check, observation):
        json.dumps(observation, allow_nan=False)
        self.observations[check] = observation

    def evidence(self, evidence):
        json.dumps(evidence, allow_nan=False)
        self.evidences.append(evidence)


@pytest.fixture
def registered(monkeypatch):
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(extension, "REGISTERED", {})


def observe(name, unit):
    return checks._observe(name, unit)


def register(name="own.check", rule="full", **more):
    return assay.check(name, asserts="a", bug="b", rule=rule, **more)


def test_the_observers_are_the_battery():
    battery = (Path(__file__).parents[2] / "crates/assay-catalog/src/battery.rs").read_text()
    rows = re.findall(r'^    row\((?:PROBE|"([a-z0-9_.]+)")', battery, re.MULTILINE)
    assert [name or "load.probe" for name in rows] == checks.observers()


def test_a_real_model_answers_every_check(tmp_path):
    recipe = json.loads(json.dumps(subjects.probe(CLEAN, "cpu", 1)["ready"]["recipe"]))
    battery = (Path(__file__).parents[2] / "crates/assay-catalog/src/battery.rs").read_text()
    rows = re.findall(r'^    row\((?:PROBE|"([a-z0-9_.]+)"), \w+, &\[(.*?)\]', battery, re.MULTILINE)
    needs = {name or "load.probe": set(re.findall(r"\w+", facts)) for name, facts in rows}
    names = [name for name in checks.observers() if needs[name] <= set(recipe["facts"]["has"])]
    told = Told()
    checks.run({**JOB, "subject": CLEAN, "recipe": recipe, "checks": names, "scratch": str(tmp_path)}, told)
    assert list(told.observations) == names
    for name, seen in told.observations.items():
        assert seen["raised"] is None, name
        assert seen["devices"] == ["cpu"] or name == "load.config", name
        assert all(tally["have"] == tally["of"] > 0 for tally in seen["tallies"]), name
        assert any(seen.get(kind) for kind in ("comparisons", "tallies", "calls", "outputs", "series", "golden")) or name in (
            "load.config",
            "load.build",
            "forward.runs",
        )
    after_loading = told.order.index("forward.runs")
    assert told.order[after_loading - 1] == "stage showing evidence"
    evidence = told.evidences[0]
    assert (evidence["lacking"], evidence["raised"]) == (None, None)
    assert [row["layer"] for row in evidence["first"]] == [row["layer"] for row in evidence["second"]]


def test_a_worker_that_goes_on_in_the_middle_says_that_it_builds(tmp_path):
    recipe = subjects.probe(CLEAN, "cpu", 1)["ready"]["recipe"]
    told = Told()
    checks.run({**JOB, "subject": CLEAN, "recipe": recipe, "checks": ["forward.finite"], "scratch": str(tmp_path)}, told)
    assert told.order == ["stage building the model", "stage showing evidence", "forward.finite"]


def test_a_model_that_is_a_mock_leaves_no_check_unreported(unit_of, monkeypatch):
    mock = unit_of(MagicMock(), config=MagicMock())
    monkeypatch.setattr(checks, "Unit", lambda job: mock)
    told = Told()
    checks.run({**JOB, "checks": checks.observers()}, told)
    assert list(told.observations) == checks.observers()
    assert "MagicMock" in told.evidences[0]["lacking"]


def test_a_model_that_can_not_be_built_is_built_once(tmp_path, monkeypatch):
    attempts = []

    def broken(*arguments, **keywords):
        attempts.append(1)
        raise ValueError("no")

    monkeypatch.setattr(subjects, "make_config", lambda *arguments: None)
    monkeypatch.setattr(subjects, "make_model", broken)
    told = Told()
    names = ["load.build", "forward.runs", "forward.finite"]
    checks.run(
        {**JOB, "recipe": {"inputs": {"all": []}, "variants": ["all"], "changes": []}, "checks": names, "scratch": str(tmp_path)}, told
    )
    assert [told.observations[name]["raised"]["origin"] for name in names] == ["subject"] * 3
    assert told.evidences[0]["raised"]["exception"] == "ValueError"
    assert len(attempts) == 1


@pytest.mark.usefixtures("registered")
def test_whose_exception_it_is(unit_of):
    unit = unit_of(torch.nn.Linear(4, 4))

    @register("own.subject")
    def subject(unit):
        of_subject(lambda: 1 / 0)

    @register("own.worker")
    def worker(unit):
        raise KeyError("x")

    assert observe("own.subject", unit)["raised"]["origin"] == "subject"
    assert observe("own.worker", unit)["raised"]["origin"] == "worker"
    assert "no check `own.absent`" in observe("own.absent", unit)["raised"]["message"]


@pytest.mark.usefixtures("registered")
def test_what_is_no_plain_observation_costs_its_own_case_only(unit_of):
    unit = unit_of(torch.nn.Linear(4, 4))

    @register("own.number")
    def number(unit):
        return 3

    @register("own.foreign")
    def foreign(unit):
        seen = assay.Observation()
        seen.note(MagicMock())
        return seen

    @register("own.nan")
    def nan(unit):
        seen = assay.Observation()
        seen.tally("x", float("nan"), 1)
        return seen

    @register("own.nothing", rule="completes")
    def nothing(unit):
        pass

    for name in ("own.number", "own.foreign", "own.nan"):
        seen = observe(name, unit)
        json.dumps(seen, allow_nan=False)
        assert seen["raised"]["origin"] == "worker"
    assert observe("own.nothing", unit)["raised"] is None


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "forward.finite"}, "already"),
        ({"name": "nogroup"}, "group.name"),
        ({"name": "a.b.c"}, "group.name"),
        ({"rule": "fuller"}, "unknown rule"),
        ({"profile": "slow"}, "unknown profile"),
    ],
)
def test_what_can_not_be_registered(arguments, said):
    with pytest.raises(ValueError, match=said):
        register(**arguments)
    assert checks.registered() == []


@pytest.mark.usefixtures("registered")
def test_what_is_registered_is_listed_and_can_not_be_registered_twice():
    register(needs=["tokens"])(lambda unit: None)
    assert checks.registered() == [
        {"id": "own.check", "profile": "standard", "asserts": "a", "bug": "b", "needs": ["tokens"], "rule": "full"}
    ]
    with pytest.raises(ValueError, match="already"):
        register()


def test_an_input_ends_in_another_token():
    from conftest import TOKENS

    for seed in range(2_000):
        unit = Unit({**JOB, "seed": seed, "recipe": {"inputs": {"all": [{**vars(TOKENS), "high": 5}]}, "variants": ["all"], "changes": []}})
        unit.__dict__["config"] = None
        assert unit.inputs["input_ids"][-1, -1] != unit.other_inputs["input_ids"][-1, -1]
