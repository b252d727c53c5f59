"""What is asked of real checkpoints: their tokenizer, and the task of their card. Tiny ones, made on the spot."""

import json

import pytest
import tiny_checkpoints as tiny
import torch
from safetensors.torch import load_file
from tokenizers import normalizers

from assay import evidence, subjects
from assay.checks import BUILT_IN, expected, pipeline, tokenizer
from assay.checks.unit import SubjectRaised, Unit

NAMES = ("tokenizer.roundtrip", "pipeline.task", "pipeline.moves", "pipeline.batch")


def subject_of(folder):
    own = {"kind": "checkpoint", "name": "tiny", "path": str(folder), "sha256": ""}
    return own | {"trust_remote_code": False, "allow_pickle": False}


def unit_of(folder, scratch):
    subject = subject_of(folder)
    recipe = json.loads(json.dumps(subjects.probe(subject, "cpu", 1)["ready"]["recipe"]))
    return Unit(
        {"subject": subject, "platform": "cpu", "recipe": recipe, "seed": 1, "nonce": "3", "second_nonce": "4", "scratch": str(scratch)}
    )


@pytest.fixture
def language(tmp_path):
    return tiny.llama(tmp_path / "model")


@pytest.fixture
def encoder(tmp_path):
    return tiny.bert(tmp_path / "model", "BertForSequenceClassification")


def lacking(observation):
    return [row["label"] for row in observation.fields["tallies"] if row["have"] != row["of"]]


def largest(observation):
    rows = observation.fields["comparisons"]
    assert rows
    return max(float("inf") if row["shape_mismatch"] else row["max_difference"] / row["rms_reference"] for row in rows)


@pytest.mark.parametrize("head", ["BertForSequenceClassification", "BertForTokenClassification", "BertForMaskedLM", None])
def test_an_honest_checkpoint_shows_nothing_wrong(head, tmp_path):
    folder = tiny.bert(tmp_path / "model", head) if head else tiny.llama(tmp_path / "model")
    unit = unit_of(folder, tmp_path)
    assert type(unit.model).__name__ == (head or "LlamaForCausalLM")
    assert {"tokenizer", "pipeline"} <= set(unit.recipe["facts"]["has"])
    seen = {name: BUILT_IN[name](unit) for name in NAMES}
    assert lacking(seen["tokenizer.roundtrip"]) == lacking(seen["pipeline.task"]) == []
    assert largest(seen["pipeline.moves"]) > 1e-3
    assert largest(seen["pipeline.batch"]) < 1e-5


@pytest.mark.parametrize("task", [task for task, files in subjects.card.FILES.items() if subjects.card.IMAGE in files])
def test_an_honest_checkpoint_of_images_or_sounds_shows_nothing_wrong(task, tmp_path):
    folder = tiny.of_images_and_sounds(task, tmp_path / "model")
    (folder / "README.md").unlink()  # its class says the task, too
    unit = unit_of(folder, tmp_path)
    assert subjects.card.task(str(folder), unit.config) == task
    seen = {name: BUILT_IN[name](unit) for name in NAMES if name.partition(".")[0] in unit.recipe["facts"]["has"]}
    assert [name for name, own in seen.items() if lacking(own)] == []
    assert largest(seen["pipeline.moves"]) > 1e-3
    assert largest(seen["pipeline.batch"]) < 1e-5


def test_a_sound_that_is_lost_is_seen_though_nothing_is_written(tmp_path):
    unit = unit_of(tiny.of_images_and_sounds("automatic-speech-recognition", tmp_path / "model"), tmp_path)
    with torch.no_grad():
        unit.model.lm_head.bias[0] += 50  # blanks only
    assert largest(pipeline.moves(unit)) > 1e-3
    assert {answer["text"] for answer, _ in pipeline._answers(unit)} == {""}
    unit = unit_of(tmp_path / "model", tmp_path)
    extract = unit.model.wav2vec2.feature_extractor.forward
    unit.model.wav2vec2.feature_extractor.forward = lambda values: extract(torch.ones_like(values))
    assert largest(pipeline.moves(unit)) == 0.0


def test_scores_that_are_settled_still_move(tmp_path):
    unit = unit_of(tiny.of_images_and_sounds("image-classification", tmp_path / "model"), tmp_path)
    with torch.no_grad():
        unit.model.classifier.bias[0] += 20
    assert largest(pipeline.moves(unit)) > 1e-3


def test_evidence_names_tensors_as_the_files_do(tmp_path):
    unit = unit_of(tiny.of_images_and_sounds("image-classification", tmp_path / "model"), tmp_path)
    kept = load_file(tmp_path / "model" / "model.safetensors")
    assert not kept.keys() >= dict(unit.model.named_parameters()).keys()  # loading renames
    shown = evidence.show(unit)
    assert shown["raised"] is None
    assert len(shown["eligible"]) == 14
    assert shown["first"]
    assert all(row["weight"] in kept and row["bias"] in kept for row in shown["first"])


@pytest.mark.parametrize("task", ["text-to-video", "image-classification"])
def test_a_task_without_an_example_or_its_files_is_not_planned(encoder, task, tmp_path):
    (encoder / "README.md").write_text(f"---\npipeline_tag: {task}\n---\n")
    assert "pipeline" not in unit_of(encoder, tmp_path).recipe["facts"]["has"]


def test_the_card_comes_before_the_class(encoder, tmp_path):
    (encoder / "README.md").write_text("---\npipeline_tag: sentence-similarity\n---\n")
    unit = unit_of(encoder, tmp_path)
    assert subjects.card.task(str(encoder), unit.config) == "feature-extraction"


def test_a_tokenizer_of_another_model_is_seen(language, tmp_path):
    unit = unit_of(language, tmp_path)
    unit.model.resize_token_embeddings(300)
    assert lacking(tokenizer.roundtrip(unit)) == ["tokens in the model's table of 300"]


def edited(folder, edit):
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_text_that_does_not_come_back_is_seen(language, tmp_path):
    # A decoder that loses the spaces.
    edited(language, lambda content: content.update(decoder={"type": "Replace", "pattern": {"String": "Ġ"}, "content": ""}))
    assert "texts that come back" in lacking(tokenizer.roundtrip(unit_of(language, tmp_path)))


def test_a_vocabulary_that_knows_nothing_is_seen(encoder, tmp_path):
    def forget(content):
        content["model"]["vocab"] = {name: place for place, name in enumerate(tiny.SPECIAL)}

    edited(encoder, forget)
    assert "vocabularies that know some of the texts" in lacking(tokenizer.roundtrip(unit_of(encoder, tmp_path)))


def test_letters_that_are_dropped_are_seen(language, tmp_path):
    # A pattern that keeps letters only: digits and signs come to nothing, though each is known by itself.
    def drop(content):
        content["normalizer"] = json.loads(normalizers.Replace("day", "").__getstate__())

    edited(language, drop)
    assert "texts that the offsets cover" in lacking(tokenizer.roundtrip(unit_of(language, tmp_path)))


def test_a_special_token_that_is_split_is_seen(language, tmp_path):
    unit = unit_of(language, tmp_path)
    seen = tokenizer.Observation()
    own = tokenizer.load(str(language), unit)
    own.eos_token = "</s>"
    split = tokenizer.encoded
    try:
        tokenizer.encoded = lambda which, text: [5, 6] if text == "</s>" else split(which, text)
        tokenizer._count_special(seen, own)
    finally:
        tokenizer.encoded = split
    assert lacking(seen) == ["special tokens that survive"]


def test_a_head_that_ignores_its_text_is_seen(encoder, tmp_path):
    unit = unit_of(encoder, tmp_path)
    with torch.no_grad():
        unit.model.classifier.weight.zero_()
    assert largest(pipeline.moves(unit)) < 1e-6


def test_numbers_that_are_not_finite_are_seen(encoder, tmp_path):
    unit = unit_of(encoder, tmp_path)
    with torch.no_grad():
        unit.model.classifier.bias[0] = float("nan")
    assert lacking(pipeline.task(unit)) == ["answers as text-classification promises them"]


def test_padding_that_is_read_is_seen(encoder, tmp_path):
    edited(encoder, lambda content: content.update(truncation=None))
    unit = unit_of(encoder, tmp_path)
    forward = unit.model.bert.forward
    unit.model.bert.forward = lambda *words, attention_mask=None, **named: forward(*words, **named)
    texts = pipeline._texts
    pipeline.TASKS["text-classification"].__dict__["examples"] = lambda pipe: (texts(pipe)[0], "Maria")
    try:
        assert largest(pipeline.batch(unit)) > 1e-3
    finally:
        pipeline.TASKS["text-classification"].__dict__["examples"] = texts


def test_a_card_of_another_task_raises_as_the_subjects_own(language, tmp_path):
    (language / "README.md").write_text("---\npipeline_tag: fill-mask\n---\n")
    with pytest.raises(SubjectRaised):
        pipeline.task(unit_of(language, tmp_path))


def test_what_is_written_is_the_same_each_time_and_that_of_the_weights(language, tmp_path):
    unit = unit_of(language, tmp_path)
    written = expected.tokens(unit)
    assert written.keys() == set(expected.PROMPTS)
    assert all(0 < len(own) <= expected.NEW for own in written.values())
    assert expected.tokens(unit_of(language, tmp_path)) == written
    with torch.no_grad():
        unit.model.lm_head.weight[:100] += 1.0
    assert expected.tokens(unit) != written
