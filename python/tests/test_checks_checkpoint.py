"""The group checkpoint on a real model: what is damaged is refused, and a library that would not refuse is seen."""

import pickle

import pytest
import torch
from conftest import JOB

from assay import subjects
from assay.checks import checkpoint
from assay.checks.unit import Unit


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    subject = {"kind": "architecture", "name": "bert", "auto_class": "AutoModel"}
    recipe = subjects.probe(subject, "cpu", 1)["ready"]["recipe"]
    return Unit({**JOB, "subject": subject, "recipe": recipe, "scratch": str(tmp_path_factory.mktemp("bert"))})


def accepted(seen):
    return [call["label"] for call in seen.fields["calls"] if call["raised"] is None]


def lacking(seen):
    return [name for tally in seen.fields["tallies"] for name in tally["lacking"]]


@pytest.fixture
def lenient(monkeypatch, bert):
    """A library that makes up what it can't load, and says nothing of it."""
    original = type(bert.model).from_pretrained.__func__

    def from_pretrained(cls, folder, **options):
        try:
            loaded, info = original(cls, folder, **options, ignore_mismatched_sizes=True)
        except Exception:
            loaded, info = cls(bert.config), {}
        return loaded, {**info, "missing_keys": set()}

    monkeypatch.setattr(type(bert.model), "from_pretrained", classmethod(from_pretrained))


CALLS = {"truncated": 5, "header": 5, "wrong_shape": 1, "missing_shard": 2, "pickle": 3}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_damaged_is_refused(name, bert):
    seen = checkpoint.OBSERVERS[f"checkpoint.{name}"](bert)
    assert len(seen.fields["calls"]) == seen.fields["measures"]["refusals"] == CALLS[name]
    assert accepted(seen) == lacking(seen) == []


def test_what_is_missing_is_said(bert):
    seen = checkpoint.missing_keys(bert)
    assert len(seen.fields["tallies"]) == 3
    assert lacking(seen) == []


@pytest.mark.parametrize("name", CALLS)
def test_a_library_that_loads_what_is_there_is_seen(name, bert, lenient):
    seen = checkpoint.OBSERVERS[f"checkpoint.{name}"](bert)
    assert len(accepted(seen)) == CALLS[name]


def test_a_library_that_does_not_say_what_is_missing_is_seen(bert, lenient):
    assert len(lacking(checkpoint.missing_keys(bert))) == 3


def test_code_in_a_pickle_is_seen(bert, monkeypatch):
    original = type(bert.model).from_pretrained.__func__

    def from_pretrained(cls, folder, **options):
        for name in ("model.safetensors", "pytorch_model.bin"):
            try:
                with open(f"{folder}/{name}", "rb") as file:
                    pickle.load(file)
            except Exception:
                continue
        return original(cls, folder, **options)

    monkeypatch.setattr(type(bert.model), "from_pretrained", classmethod(from_pretrained))
    seen = checkpoint.pickled(bert)
    assert accepted(seen) == []
    assert len(lacking(seen)) == 3


def test_nothing_is_left_of_the_damage(bert, tmp_path):
    del tmp_path
    checkpoint.truncated(bert)
    checkpoint.missing_shard(bert)
    loaded, _ = bert.load(bert.saved)
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), bert.model.parameters(), strict=True))
