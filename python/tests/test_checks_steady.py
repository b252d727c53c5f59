"""Choices that rounding turns, and bugs that it must not excuse."""

import re
from pathlib import Path

import torch

from assay.checks import batch, steady
from assay.checks.unit import Wide


class Choosing(torch.nn.Module):
    """Scales by the row's largest value, or by a constant; the choice hangs on `score`, of one row together with the others."""

    def __init__(self, score):
        super().__init__()
        self.linear = torch.nn.Linear(4, 4)
        self.score = score

    def forward(self, values):
        states = self.linear(values)
        return {"states": torch.where(self.score(values, states)[:, None, None], states, 2 * states)}


def first_row(unit):
    return unit.inputs["values"][0].clone()


def is_first(values, chosen):
    return (values.float() - chosen).abs().amax((1, 2)) < 1e-6


def test_a_choice_that_only_rounding_turns_is_no_failure(unit_of):
    unit = unit_of(Choosing(lambda values, _: torch.ones(len(values), dtype=torch.bool)))
    chosen = first_row(unit)
    border = unit.model64.linear(unit.inputs["values"].double())[0, 0, 0].detach()

    def score(values, states):
        # The first input lies at the border: float32 turns it, float64 only where its weights move.
        turned = len(values) == 1 if values.dtype == torch.float32 else bool(states[0, 0, 0] < border - 1e-12)
        return ~is_first(values, chosen) | torch.tensor(not turned)

    unit.model.score = unit.model64.score = score
    seen = steady.observe(batch.rows, unit)
    assert all(steady._is_close(row) for row in seen.fields["comparisons"])
    assert seen.fields["other_inputs"] == "states, row 0"


def test_a_bug_of_float32_with_some_inputs_is_no_choice(unit_of):
    unit = unit_of(Choosing(lambda values, _: torch.ones(len(values), dtype=torch.bool)))
    chosen = first_row(unit)
    wrong = lambda values, _: ~is_first(values, chosen) | torch.tensor(values.dtype == torch.float64 or len(values) > 1)  # noqa: E731
    unit.model.score = wrong
    seen = steady.observe(batch.rows, unit)
    assert not all(steady._is_close(row) for row in seen.fields["comparisons"])


def test_what_is_finite_in_one_run_only_is_no_choice(unit_of):
    unit = unit_of(Choosing(lambda values, _: torch.ones(len(values), dtype=torch.bool)))
    calls = []

    def observer(unit):
        calls.append(unit)
        seen = steady.Observation()
        seen.compare("states", torch.tensor([1.0, torch.inf]), torch.ones(2), torch.ones(2, dtype=torch.float64))
        seen.compare("others", torch.ones(2), torch.ones(2), torch.ones(2, dtype=torch.float64))
        return seen

    steady.observe(observer, unit)
    assert len(calls) == 1


def test_what_differs_in_float64_is_a_failure_though_other_inputs_agree(unit_of):
    unit = unit_of(Choosing(lambda values, _: torch.ones(len(values), dtype=torch.bool)))
    chosen = first_row(unit)
    unit.model.score = lambda values, _: ~is_first(values, chosen) | torch.tensor(len(values) > 1)
    seen = steady.observe(batch.rows, unit)
    assert not all(steady._is_close(row) for row in seen.fields["comparisons"])
    assert seen.fields["notes"] == []


def test_what_differs_in_float32_with_all_inputs_is_a_failure(unit_of):
    unit = unit_of(Choosing(lambda values, _: torch.full((len(values),), values.dtype == torch.float64 or len(values) > 1)))
    seen = steady.observe(batch.rows, unit)
    assert not all(steady._is_close(row) for row in seen.fields["comparisons"])


def test_a_wide_unit_feeds_and_answers_in_float64(unit_of):
    unit = unit_of(Choosing(lambda values, _: torch.ones(len(values), dtype=torch.bool)))
    wide = unit.in_float64()
    assert isinstance(wide, Wide)
    assert wide.inputs["values"].dtype == wide.reference["states"].dtype == torch.float64
    assert torch.equal(wide.inputs["values"].float(), unit.inputs["values"])
    assert wide.reference64 is None
    assert unit.reference["states"].dtype == torch.float32  # the unit itself stays as it was


def test_a_unit_that_is_fed_anew_has_the_same_model_and_other_inputs(unit_of):
    unit = unit_of(Choosing(lambda values, _: torch.ones(len(values), dtype=torch.bool)))
    other = unit.fed_anew(unit.seed + steady.STEP)
    assert other.model is unit.model
    assert other.inputs["values"].shape == unit.inputs["values"].shape
    assert not torch.equal(other.inputs["values"], unit.inputs["values"])


def test_a_comparison_without_float64_is_judged_as_it_is(unit_of):
    calls = []

    def observer(unit):
        calls.append(unit)
        seen = steady.Observation()
        seen.compare("bits", torch.ones(2), torch.zeros(2))
        return seen

    steady.observe(observer, unit_of(Choosing(lambda values, _: torch.ones(len(values), dtype=torch.bool))))
    assert len(calls) == 1


def test_half_precision_is_excused_where_nearly_all_other_inputs_agree(unit_of):
    unit = unit_of(Choosing(lambda values, _: torch.ones(len(values), dtype=torch.bool)))

    def observed(wrong):
        """What is left of runs of which some differ, by their number."""
        calls = []

        def observer(unit):
            seen = steady.Observation()
            right = torch.ones(4, dtype=torch.bfloat16)
            seen.compare("states", 2 * right if len(calls) in wrong else right, right, right.double())
            calls.append(unit)
            return seen

        return steady.observe(observer, unit).fields.get("other_inputs")

    assert observed({0}) == observed({0, 2}) == "states"
    assert observed({0, 2, 3}) is None
    assert observed({0, 1, 2, 3, 4}) is None


def test_the_bounds_are_those_of_the_judge():
    rule = (Path(__file__).parents[2] / "crates/assay-judge/src/rules/oracle.rs").read_text()
    for name in ("CLOSE_EPSILONS", "MULTIPLIER", "ASTRAY_EPSILONS"):
        assert re.search(rf"const {name}: f64 = ([\d.]+);", rule)[1] == str(getattr(steady, name))
