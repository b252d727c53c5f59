"""The group generate on tiny models of the library, clean and with a bug."""

import pytest
import torch
from conftest import MASK, TOKENS
from transformers import BartConfig, BartForConditionalGeneration, CsmConfig, CsmForConditionalGeneration, LlamaConfig, LlamaForCausalLM
from transformers.cache_utils import DynamicCache, StaticLayer

from assay.checks import generate, steady
from assay.subjects import InputSpec
from assay.subjects.probe import _writes

# Below this, a difference is float32's own (`rules/oracle.rs`).
NOISE = 1e-4
DECODER = InputSpec("decoder_input_ids", "decoder_tokens", "int64", (4,), 3, 200)


@pytest.fixture
def llama(unit_of):
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=200, max_position_embeddings=64, **sizes))
    return unit_of(model, (TOKENS, MASK), model.config)


@pytest.fixture
def bart(unit_of):
    layers = {"encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4}
    config = BartConfig(vocab_size=200, d_model=32, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64, **layers)
    return unit_of(BartForConditionalGeneration(config), (TOKENS, MASK, DECODER), config)


def wrong(seen):
    rows = seen.fields["comparisons"]
    assert rows
    return [row["label"] for row in rows if row["shape_mismatch"] or row["max_difference"] > NOISE or row["non_finite_mismatch"]]


def test_clean_models_pass_all(llama, bart):
    for unit in (llama, bart):
        for name in ("greedy", "cache", "static_cache", "beam"):
            assert wrong(getattr(generate, name)(unit)) == [], (type(unit.model).__name__, name)
    assert wrong(generate.left_padding(llama)) == []


def test_in_float64_a_cache_agrees_as_far_as_32_bits_tell(llama):
    """By this a choice that rounding turned is told from a bug (`steady.py`)."""
    for name in ("cache", "static_cache", "beam"):
        rows = getattr(generate, name)(llama.in_float64()).fields["comparisons"]
        assert all(steady._agrees(row, torch.finfo(torch.float64).eps) for row in rows), (name, rows)


def test_settings_are_left_as_they_were(llama):
    kept = llama.model.generation_config
    before = kept.to_dict()
    generate.beam(llama)
    assert llama.model.generation_config is kept
    assert kept.to_dict() == before


def test_a_token_that_is_not_the_likeliest(llama, monkeypatch):
    right = llama.model.generate

    def shifted(**inputs):
        output = right(**inputs)
        output.sequences[:, -1] = (output.sequences[:, -1] + 1) % 200
        return output

    monkeypatch.setattr(llama.model, "generate", shifted)
    assert wrong(generate.greedy(llama)) == ["tokens, and those of the highest score"]


def test_a_decoder_that_starts_with_another_token(bart, monkeypatch):
    def start(batch_size, model_input_name, model_kwargs, decoder_start_token_id, device=None):
        return torch.full((batch_size, 1), 7), model_kwargs

    monkeypatch.setattr(bart.model, "_prepare_decoder_input_ids_for_generation", start)
    assert wrong(generate.greedy(bart)) == ["the token that the decoder starts with"]


def test_positions_that_count_the_token_before_twice(llama, monkeypatch):
    right = llama.model.prepare_inputs_for_generation

    def later(input_ids, **kwargs):
        inputs = right(input_ids, **kwargs)
        if inputs["input_ids"].shape[1] == 1:
            inputs["position_ids"] = inputs["position_ids"] + 1
        return inputs

    monkeypatch.setattr(llama.model, "prepare_inputs_for_generation", later)
    assert wrong(generate.greedy(llama)) == []
    assert wrong(generate.cache(llama)) == ["scores of all steps", "scores of all steps behind 2 tokens"]


def test_a_static_cache_that_is_read_before_it_is_written(llama, monkeypatch):
    right = StaticLayer.update

    def update(self, *arguments, **keywords):
        before = (self.keys.clone(), self.values.clone()) if self.is_initialized else None
        now = right(self, *arguments, **keywords)
        return before or now

    monkeypatch.setattr(StaticLayer, "update", update)
    assert wrong(generate.cache(llama)) == []
    assert wrong(generate.static_cache(llama)) == ["scores of all steps"]


def test_a_mask_that_is_lost(llama, monkeypatch):
    right = LlamaForCausalLM.generate
    monkeypatch.setattr(LlamaForCausalLM, "generate", lambda self, attention_mask, **inputs: right(self, **inputs))
    assert wrong(generate.cache(llama)) == []
    assert wrong(generate.left_padding(llama))[0] == "scores of step 0"


def test_a_cache_that_does_not_follow_its_beam(llama, monkeypatch):
    monkeypatch.setattr(DynamicCache, "reorder_cache", lambda self, beams: None)
    assert wrong(generate.cache(llama)) == []
    assert wrong(generate.beam(llama)) == ["mean log-probability of each sequence"]


def test_a_source_whose_padding_is_read_once_there_is_a_cache(bart, monkeypatch):
    decoder = bart.model.model.decoder
    right = decoder.forward

    def forward(past_key_values=None, encoder_attention_mask=None, **inputs):
        is_later = past_key_values is not None and past_key_values.get_seq_length() > 0
        return right(past_key_values=past_key_values, encoder_attention_mask=None if is_later else encoder_attention_mask, **inputs)

    monkeypatch.setattr(decoder, "forward", forward)
    assert wrong(generate.cache(bart)) == ["scores of all steps"]


def test_no_token_is_generated_that_no_text_holds(unit_of):
    """Padding and the place of an image would be another thing to a forward over all tokens."""
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=40, max_position_embeddings=64, **sizes))
    unit = unit_of(
        model,
        (InputSpec("input_ids", "tokens", "int64", (4,), 20, 38, placed=((1, 30),)), InputSpec(MASK.name, MASK.role, MASK.dtype, (4,))),
    )
    unit.__dict__["config"] = model.config
    assert set(generate.unordinary(unit)) == {*range(20), 30, 38, 39}
    new = generate._greedy(unit).new
    assert not set(new.flatten().tolist()) & set(generate.unordinary(unit))
    assert wrong(generate.greedy(unit)) == wrong(generate.cache(unit)) == []


def test_what_writes_text_generates_and_what_speaks_does_not():
    with torch.device("meta"):
        writer = LlamaForCausalLM(LlamaConfig(num_hidden_layers=1))
        speaker = CsmForConditionalGeneration(CsmConfig(num_hidden_layers=1))
    assert _writes(writer, "AutoModelForCausalLM")
    assert not _writes(writer.model, "AutoModel")
    assert not _writes(speaker, "AutoModel")
