"""Shrinking keeps the structure, inputs are drawn row by row, and the probe says what it did."""

import inspect
import json
import re

import pytest
import torch
import transformers

from assay import catalog, subjects
from assay.subjects import build, designs, overrides, reading, shrinking
from assay.subjects.modules import leaves
from assay.subjects.proposals.context import Context
from assay.subjects.shrinking import derived

NAMES = ["bert", "llama", "t5", "vit", "resnet", "whisper", "clip", "llava", "mixtral", "qwen3_moe", "mamba2", "patchtst"]


def subject(name):
    return {"kind": "architecture", "name": name, "auto_class": "AutoModel"}


@pytest.fixture(scope="module")
def ready():
    return {name: subjects.probe(subject(name), "cpu", 1)["ready"] for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_tiny_model_has_the_module_types_of_the_full_one(name, ready):
    def kinds(model):
        return {type(module) for module in model.modules()}

    tiny = subjects.make_model(subject(name), subjects.make_config(subject(name), ready[name]["recipe"]), meta=True)
    default = build.default_config(subject(name))
    if name == "patchtst":
        default.prediction_length = 4
    full = subjects.make_model(subject(name), default, meta=True)
    assert kinds(tiny) == kinds(full)
    assert sum(parameter.numel() for parameter in tiny.parameters()) < 1_000_000


@pytest.mark.parametrize("name", NAMES)
def test_only_sizes_and_lengths_change(name, ready):
    for change in ready[name]["facts"]["changes"]:
        old, new = change["from"], change["to"]
        assert change["rule"]
        if isinstance(old, list):
            assert isinstance(new, list)
            assert all(isinstance(value, int) for value in new) or set(map(repr, new)) <= set(map(repr, old))
        else:
            assert old is None or (isinstance(old, int) and not isinstance(old, bool) and isinstance(new, int))


def test_a_row_is_the_same_in_every_batch_and_other_seeds_differ():
    spec = subjects.InputSpec("pixel_values", "pixels", "float32", (3, 4, 4))
    two, one = subjects.draw(spec, 1, 2), subjects.draw(spec, 1, 1)
    assert torch.equal(two[:1], one)
    assert not torch.equal(two[0], two[1])
    assert not torch.equal(two, subjects.draw(spec, 2, 2))


def test_image_tokens_match_the_features(ready):
    recipe = ready["llava"]["recipe"]
    config = subjects.make_config(subject("llava"), recipe)
    tokens = subjects.make_inputs(recipe, seed=1)["input_ids"]
    side = config.vision_config.image_size // config.vision_config.patch_size
    assert int((tokens[0] == config.image_token_id).sum()) == side * side


def test_the_first_variant_stays_first_however_json_orders_its_keys(ready):
    recipe = json.loads(json.dumps(ready["llava"]["recipe"], sort_keys=True))
    assert subjects.variants(recipe) == list(ready["llava"]["recipe"]["inputs"])
    assert "pixel_values" in {spec.name for spec in subjects.input_specs(recipe)}


def test_images_and_videos_at_one_token_are_fed_apart():
    recipe = subjects.probe(subject("glm4v"), "cpu", 1)["ready"]["recipe"]
    fed = {name: {row["name"] for row in rows} for name, rows in recipe["inputs"].items()}
    assert not any({"pixel_values", "pixel_values_videos"} <= names for names in fed.values())
    assert any("pixel_values" in names for names in fed.values())
    assert any("pixel_values_videos" in names for names in fed.values())


def test_tokens_are_drawn_between_special_ones():
    config = transformers.BertConfig(vocab_size=256, pad_token_id=0, bos_token_id=67, eos_token_id=68, hidden_size=8, num_attention_heads=1)
    context = Context(torch.nn.Identity(), config)
    assert context.token_range(256) == (69, 256)
    assert context.token_range(60) == (1, 60)


def test_what_can_not_be_built_says_where_it_failed(monkeypatch):
    def broken(self, *args, **kwargs):
        raise ValueError("no")

    monkeypatch.setattr(transformers.BertModel, "__init__", broken)
    failed = subjects.probe(subject("bert"), "cpu", 1)["failed"]
    assert failed["stage"] == "build"
    assert failed["raised"]["exception"] == "ValueError"
    assert failed["raised"]["frames"]


def test_what_has_no_forward_says_of_what_it_is_a_part_and_that_it_was_reached_there():
    detail = subjects.probe(subject("glm_image_vqmodel"), "cpu", 1)["not_a_model"]["detail"]
    reached, of = map(int, re.search(r"a part of glm_image, whose forward reaches (\d+) of its (\d+) leaf modules", detail).groups())
    assert 0 < reached <= of


@pytest.mark.parametrize(("name", "kind"), [("voxtral_realtime_text", "VoxtralRealtimeTextModel"), ("evolla", "EvollaModel")])
def test_a_class_that_the_mapping_names_and_loses_is_found(name, kind):
    ready = subjects.probe(subject(name), "cpu", 1)["ready"]
    assert ready["facts"]["class"] == kind
    assert ready["facts"]["reach"]["unreached"] == []


def test_every_base_architecture_is_listed_once():
    rows = catalog.discover()
    names = [row["name"] for row in rows]
    assert names == sorted(set(names))
    mapping = transformers.models.auto.modeling_auto.MODEL_MAPPING_NAMES
    assert set(mapping) <= set(names)
    families = {row["family"] for row in rows}
    assert len(families) == 10


def test_indices_go_on_behind_the_row_before_and_masks_keep_their_type():
    pools = subjects.InputSpec("image_token_pooling", "indices", "int64", (2, 2), high=16, values=[[0, 1], [4, 5]], packed=True)
    drawn = subjects.draw(pools, 1, 2)
    assert drawn.tolist() == [[0, 1], [4, 5], [16, 17], [20, 21]]
    assert [row.tolist() for row in subjects.rows_of(pools, drawn, 2)] == [[[0, 1], [4, 5]]] * 2
    assert subjects.draw(subjects.InputSpec("pixel_attention_mask", "pixel_mask", "bool", (3,), values=True), 1, 2).dtype is torch.bool


def test_each_design_names_modules_and_inputs_that_exist():
    """In the library that is installed: what it has renamed is found here, what it uses by now is noted by `sensitivity.weights`."""
    seen = 0
    for name in sorted({name for entry in designs._all() for name in entry["architectures"]}):
        architecture, _, auto_class = name.partition(":")
        own = {**subject(architecture), "auto_class": auto_class or "AutoModel"}
        config = build.default_config(own)
        shrinking.shrink(config, own=overrides.of(name))
        try:
            model = build.make_model(own, config, meta=True)
        except Exception:  # what only a repair builds
            continue
        stale = set(designs.stale_modules(name, {*leaves(model), *dict(model.named_parameters())}, config))
        # What is named of the architecture may have another place in one class of it.
        shared = {pattern for pattern, _ in designs._patterns(architecture, "modules", config)} if auto_class else set()
        assert stale - shared == set(), name
        inputs = [pattern for pattern, _ in designs._patterns(name, "inputs", config)]
        assert all(subjects.unused_inputs(name, {pattern}) and pattern in inspect.signature(model.forward).parameters for pattern in inputs)
        seen += 1
    assert seen > 30


def test_each_design_names_architectures_that_exist_and_gives_its_reason():
    rows = catalog.discover()
    known = {row["name"] for row in rows} | {f"{row['name']}:{name}" for row in rows for name in row["auto_classes"]}
    kinds = {"modules", "inputs", "infinite", "remembers", "unregistered", "untrained", "half_masked", "turning", "labels", "gradients"}
    kinds.add("training")
    for entry in subjects.designs._all():
        assert set(entry["architectures"]) <= known, entry
        assert len(entry.keys() & kinds) == 1, entry
        assert len(entry["reason"]) > 20, entry


def test_texts_by_choice_are_no_stream_of_tokens():
    config = transformers.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=20)
    found = {}
    for head, shape in (("MultipleChoice", (2, 6)), ("MaskedLM", (6,))):
        rows = [
            subjects.InputSpec("input_ids", "tokens", "int64", shape, 1, 20),
            subjects.InputSpec("attention_mask", "attention_mask", "int64", shape),
        ]
        model = getattr(transformers, f"BertFor{head}")(config)
        found[head] = reading.facts(model, f"AutoModelFor{head}", rows) & {"mask", "bidirectional", "causal"}
    assert found == {"MultipleChoice": set(), "MaskedLM": {"mask", "bidirectional"}}


@pytest.mark.parametrize("name", ["dots3_note_text", "minicpmv4_6", "omdet-turbo", "seggpt", "step3p7"])
def test_a_small_configuration_is_the_same_once_it_is_saved_and_loaded(name, tmp_path):
    config = build.default_config({"kind": "architecture", "name": name, "auto_class": "AutoModel"})
    shrinking.shrink(config, own=overrides.of(name))
    config.save_pretrained(tmp_path)  # validates it
    type(config).from_pretrained(tmp_path)
    assert derived.unlike(config) == {}
