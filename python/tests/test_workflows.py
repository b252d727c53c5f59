"""Workflows: what flows between links is seen, and bugs between them show."""

import pytest
import torch

from assay import evidence
from assay.checks import workflow as checks
from assay.checks.unit import Unit
from assay.subjects import InputSpec, chain, probe
from assay.subjects.chain import Chain, Feed, Link, Workflow
from assay.subjects.specs import as_rows
from assay.subjects.workflows import WORKFLOWS

ROWS, LENGTH, WIDTH, VOCABULARY = 2, 6, 4, 200


class Embeds(torch.nn.Module):
    """Tokens to states."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(VOCABULARY, WIDTH)

    def forward(self, tokens):
        return self.table(tokens)


class Reads(torch.nn.Module):
    """States to one number a row."""

    def __init__(self):
        super().__init__()
        self.dense = torch.nn.Linear(WIDTH, 3)

    def forward(self, states):
        return self.dense(states.mean(1))


def honest(chain, given):
    states = chain.flow("first.states", chain.first(given["tokens"]), (ROWS, LENGTH, WIDTH))
    chain.result("second.scores", chain.second(states), (ROWS, 3))


def unit_of(run, second=Reads, **fields):
    """A unit around two small links."""
    links = (Link("first", "by-hand"), Link("second", "by-hand"))
    workflow = Workflow("by_hand", "", links, (Feed("tokens", "first", "tokens"),), run, **fields)
    spec = InputSpec("tokens", "tokens", "int64", (LENGTH,), 1, VOCABULARY)
    recipe = {"inputs": {"all": as_rows([spec])}, "variants": ["all"], "batch": ROWS}
    job = {"subject": {"kind": "workflow", "name": "by_hand"}, "platform": "cpu", "recipe": recipe, "seed": 5, "nonce": "7"}
    unit = Unit({**job, "second_nonce": "8", "scratch": None})
    unit.__dict__["config"] = None
    model = Chain(workflow, {"first": Embeds(), "second": second()}).eval()
    unit.__dict__["model"] = model
    unit._initial = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    unit.fill(unit.nonce)
    return unit


def moved(observation):
    return {row["label"]: row["rms_difference"] > 0 for row in observation.fields["comparisons"]}


def lacking(observation):
    return [name for row in observation.fields["tallies"] for name in row["lacking"]] + [
        row["label"] for row in observation.fields["tallies"] if row["have"] != row["of"]
    ]


def test_an_honest_chain_shows_nothing_wrong():
    unit = unit_of(honest)
    assert lacking(checks.fits(unit)) == []
    assert all(moved(checks.moves(unit)).values())
    assert all(moved(checks.used(unit)).values())
    assert not any(moved(checks.order(unit)).values())


def test_another_shape_or_type_and_what_is_not_finite_is_seen():
    def turned(chain, given):
        states = chain.first(given["tokens"]).transpose(1, 2)
        chain.flow("first.states", states, (ROWS, LENGTH, WIDTH))
        chain.flow("first.tokens", given["tokens"] + VOCABULARY, (ROWS, LENGTH), below=VOCABULARY)
        chain.result("second.scores", chain.second(states.transpose(1, 2)) / 0, (ROWS, 3))

    wrong = " ".join(lacking(checks.fits(unit_of(turned))))
    assert "first.states: [2, 4, 6]" in wrong
    assert "tokens of first.tokens" in wrong
    assert "finite elements of second.scores" in wrong


def test_a_link_that_ignores_what_it_is_given_is_seen():
    def deaf(chain, given):
        states = chain.flow("first.states", chain.first(given["tokens"]), (ROWS, LENGTH, WIDTH))
        chain.result("second.scores", chain.second(torch.ones_like(states)), (ROWS, 3))

    unit = unit_of(deaf)
    assert moved(checks.moves(unit)) == {"first.states": True, "second.scores": False}
    assert moved(checks.used(unit)) == {"second.scores, rows of first.states swapped": False}
    assert unit.model.swapped is None


def test_rows_that_are_mixed_up_between_links_are_seen():
    def first_row(chain, given):
        states = chain.flow("first.states", chain.first(given["tokens"]), (ROWS, LENGTH, WIDTH))
        chain.result("second.scores", chain.second(states[:1].expand_as(states)), (ROWS, 3))

    assert moved(checks.order(unit_of(first_row))) == {"first.states, reversed": False, "second.scores, reversed": True}


def test_a_draft_that_changes_the_answer_is_seen():
    def drafts(chain, given):
        honest(chain, given)
        for name, tokens in {"alone": given["tokens"], "drafted": given["tokens"] + 1, "drafted well": given["tokens"]}.items():
            chain.result(f"verifier.{name}", tokens, (ROWS, LENGTH), below=VOCABULARY + 1)

    assert moved(checks.drafted(unit_of(drafts))) == {"verifier.drafted": True, "verifier.drafted well": False}


def test_each_link_shows_evidence_of_its_own():
    shown = evidence.show(unit_of(honest))
    assert shown["raised"] is None
    assert shown["eligible"] == []
    assert {name: part["eligible"] for name, part in shown["parts"].items()} == {"first": ["first.table"], "second": ["second.dense"]}
    for part in shown["parts"].values():
        values = {row["of"]: row["values"] for row in part["sketches"]}
        assert values["first"] != values["other_input"]
        assert values["first"] != values["other_weights"]


class Constant(Reads):
    """A mock: the layer is there, and nobody calls it."""

    def forward(self, states):
        return torch.full((len(states), 3), 0.5)


def test_a_mock_in_one_link_has_nothing_to_show():
    parts = evidence.show(unit_of(honest, Constant))["parts"]
    assert parts["first"]["eligible"]
    assert not parts["second"]["eligible"]
    assert parts["second"]["known_layers"] == 1


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_every_workflow_can_be_made_and_hands_on(workflow):
    answer = probe({"kind": "workflow", "name": workflow.name}, "cpu", 1)
    assert "ready" in answer, answer
    recipe = answer["ready"]["recipe"]
    assert recipe["facts"]["has"] == sorted({"workflow", *workflow.facts})
    job = {"subject": {"kind": "workflow", "name": workflow.name}, "platform": "cpu", "recipe": recipe, "seed": 1, "nonce": "3"}
    unit = Unit({**job, "second_nonce": "8", "scratch": None})
    assert lacking(checks.fits(unit)) == []
    flows = unit.model.flows
    # Something is handed on, something comes of it, and each link gives something out.
    assert any(not flow.is_result for flow in flows)
    assert flows[-1].is_result
    parts = evidence.show(unit)["parts"]
    assert parts.keys() == {link.name for link in workflow.links}
    assert all(part["eligible"] and part["lacking"] is None for part in parts.values())


def test_a_link_that_fails_or_lacks_a_package_fails_the_probe(monkeypatch):
    def failing(subject, seed):
        raise chain.making.StageError("build", ValueError("no such width"))

    def without(subject, seed):
        raise chain.making.StageError("config", ModuleNotFoundError("No module named 'natten'", name="natten"))

    subject = {"kind": "workflow", "name": "text_image"}
    monkeypatch.setattr(chain.making, "make", failing)
    failed = probe(subject, "cpu", 1)["failed"]
    assert failed["stage"] == "link text"
    assert failed["raised"]["message"] == "no such width"
    monkeypatch.setattr(chain.making, "make", without)
    assert probe(subject, "cpu", 1) == {"missing_dependency": {"package": "natten"}}
