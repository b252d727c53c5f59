"""What is asked of real checkpoints: their tokenizer, and the task of their card. Tiny ones, made on the spot."""

import json

import pytest
import tiny_checkpoints as tiny
import torch
from safetensors.torch import load_file, save_file
from tokenizers import normalizers

from assay import evidence, subjects
from assay.checks import BUILT_IN, attention, expected, load, pipeline, sensitivity, tokenizer
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


def torn(folder, edit):
    """The checkpoint with its tensors edited in place."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path, metadata={"format": "pt"})
    return folder


def configured(folder, **fields):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return folder


def rename(tensors, before, after):
    for name in [name for name in tensors if before in name]:
        tensors[name.replace(before, after)] = tensors.pop(name)


def told(folder, scratch):
    """What `load.checkpoint` finds lacking in either direction."""
    return [set(row["lacking"]) for row in load.checkpoint(unit_of(folder, scratch)).fields["tallies"][:2]]


def test_whole_checkpoints_lack_nothing(tmp_path):
    language, model = tiny.llama(tmp_path / "llama"), tiny.bert(tmp_path / "model", "BertModel")
    for folder in (language, model):
        unit = unit_of(folder, tmp_path)
        assert "checkpoint" in unit.recipe["facts"]["has"]
        assert lacking(load.checkpoint(unit)) == []
    torn(language, lambda tensors: tensors.update({"model.layers.0.self_attn.masked_bias": torch.tensor(-1e9)}))
    assert told(language, tmp_path) == [set(), set()]
    # Heads for another task, under this one or left behind where the base model is loaded, are no fault.
    pooled = load_file(model / "model.safetensors")
    own = {name: pooled[name.removeprefix("bert.")] for name in ("bert.pooler.dense.weight", "bert.pooler.dense.bias")}
    masked = torn(tiny.bert(tmp_path / "masked", "BertForMaskedLM"), lambda tensors: tensors.update(own))
    assert told(masked, tmp_path) == [set(), set()]
    assert told(configured(masked, architectures=["BertModel"]), tmp_path) == [set(), set()]


def test_weights_that_a_file_keeps_as_whole_numbers(tmp_path):
    def cut(tensors):
        tensors["model.norm.weight"] = tensors["model.norm.weight"].to(torch.int64)

    unit = unit_of(torn(tiny.llama(tmp_path / "llama"), cut), tmp_path)
    assert load.checkpoint(unit).fields["tallies"][-1]["lacking"] == ["model.norm.weight"]


def test_what_only_training_reads_may_be_lacking(tmp_path):
    speech = tiny.of_images_and_sounds("automatic-speech-recognition", tmp_path / "model")
    torn(speech, lambda tensors: tensors.pop("wav2vec2.masked_spec_embed"))
    unit = unit_of(speech, tmp_path)
    assert "wav2vec2.masked_spec_embed" in unit.model.state_dict()
    assert lacking(load.checkpoint(unit)) == []


@pytest.mark.parametrize(
    ("edit", "missing", "unexpected"),
    [
        (lambda tensors: tensors.pop("cls.predictions.bias"), {"cls.predictions.bias"}, set()),
        # It is tied to the head's: neither is in the file.
        (lambda tensors: tensors.pop("bert.embeddings.word_embeddings.weight"), {"bert.embeddings.word_embeddings.weight"}, set()),
        (
            lambda tensors: rename(tensors, "bert.embeddings.LayerNorm", "bert.embeddings.norm"),
            {"bert.embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.bias"},
            {"bert.embeddings.norm.weight", "bert.embeddings.norm.bias"},
        ),
        (lambda tensors: tensors.update({"stray.weight": torch.zeros(2, 2)}), set(), {"stray.weight"}),
    ],
    ids=["lost", "tied", "renamed", "stray"],
)
def test_tensors_that_are_lacking_or_left_over_are_named(edit, missing, unexpected, tmp_path):
    folder = torn(tiny.bert(tmp_path / "model", "BertForMaskedLM"), edit)
    found = told(folder, tmp_path)
    assert found[0] - {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"} == missing
    assert found[1] == unexpected


def test_a_tensor_that_the_files_lack_makes_no_mock(tmp_path):
    folder = tiny.bert(tmp_path / "model", "BertModel")
    assert "pooler.dense" in evidence.show(unit_of(folder, tmp_path))["eligible"]
    torn(folder, lambda tensors: tensors.pop("pooler.dense.weight"))
    shown = evidence.show(unit_of(folder, tmp_path))
    assert shown["eligible"]
    assert "pooler.dense" not in shown["eligible"]


def test_layers_that_the_configuration_leaves_out_are_named(language, tmp_path):
    missing, unexpected = told(configured(language, num_hidden_layers=1), tmp_path)
    assert missing == set()
    assert len(unexpected) == 9
    assert all(name.startswith("model.layers.1.") for name in unexpected)


def test_a_head_that_nobody_trained_is_named(tmp_path):
    folder = configured(tiny.bert(tmp_path / "model", "BertModel"), architectures=["BertForSequenceClassification"])
    assert told(folder, tmp_path) == [{"classifier.weight", "classifier.bias"}, set()]


@pytest.fixture
def untrained(tmp_path):
    """Small weights, as the library initialises them, beside biases that are large: neither where a token looks nor what it sees there
    moves the output by more than float32's noise."""
    encoder = tiny.bert(tmp_path / "model", "BertForMaskedLM")
    drawn = torch.Generator().manual_seed(1)

    def quieten(tensors):
        for name, tensor in tensors.items():
            tensor.copy_(
                torch.randn(tensor.shape, generator=drawn) if name.endswith("bias") else tensor / 10 if tensor.ndim > 1 else tensor
            )

    return torn(encoder, quieten)


def test_weights_that_hardly_speak_accuse_nobody(untrained, tmp_path):
    unit = unit_of(untrained, tmp_path)
    before = {name: tensor.clone() for name, tensor in unit.model.state_dict().items()}
    assert any(name.endswith("key.weight") for name in sensitivity.silent_tensors(unit))
    assert lacking(sensitivity.of_weights(unit)) == []
    assert largest(attention.bidirectional(unit)) > 1e-3
    assert all(torch.equal(tensor, before[name]) for name, tensor in unit.model.state_dict().items())


def test_what_has_no_effect_is_seen_beside_weights_that_hardly_speak(untrained, tmp_path):
    unit = unit_of(untrained, tmp_path)
    for layer in unit.model.bert.encoder.layer:
        layer.attention.self.value.register_forward_hook(lambda module, arguments, output: torch.zeros_like(output))
    names = {f"bert.encoder.layer.{layer}.attention.self.{part}" for layer in (0, 1) for part in ("query", "key", "value")}
    assert {name for row in sensitivity.of_weights(unit).fields["tallies"] for name in row["lacking"]} == names
    assert largest(attention.bidirectional(unit)) < 1e-6
