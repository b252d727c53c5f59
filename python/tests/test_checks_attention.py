"""The group attention on tiny models of the library: clean ones pass, and each bug that is patched in is seen."""

import pytest
import torch
from conftest import MASK, TOKENS
from transformers import (
    BartConfig,
    BartModel,
    BertConfig,
    BertModel,
    MistralConfig,
    MistralModel,
    ModernBertConfig,
    ModernBertModel,
    Qwen2Config,
    Qwen2Model,
)
from transformers.models.bart import modeling_bart
from transformers.models.bert import modeling_bert
from transformers.models.mistral import modeling_mistral

from assay.checks import attention
from assay.subjects import InputSpec

TEXT = {"vocab_size": 200, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
DECODER_TOKENS = InputSpec("decoder_input_ids", "decoder_tokens", "int64", (5,), 1, 200)
WINDOW = 3
# Of a state's size; float32's noise is some 1e-7 of it.
NOISE = 1e-5


def mistral(**more):
    return MistralModel(MistralConfig(**TEXT, num_key_value_heads=1, head_dim=16, **{"sliding_window": WINDOW, **more}))


def bert(**more):
    return BertModel(BertConfig(**TEXT, **more))


def bart():
    sides = {f"{side}_{key}": value for side in ("encoder", "decoder") for key, value in (("layers", 2), ("ffn_dim", 32))}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    return BartModel(BartConfig(vocab_size=200, d_model=32, max_position_embeddings=16, **sides, **heads))


@pytest.fixture
def text(unit_of):
    return lambda model: unit_of(model, (TOKENS, MASK), model.config)


@pytest.fixture
def translation(unit_of):
    return lambda model: unit_of(model, (TOKENS, MASK, DECODER_TOKENS), model.config)


def wrong(seen):
    assert seen.fields["comparisons"]
    return [
        row["label"]
        for row in seen.fields["comparisons"]
        if row["shape_mismatch"] or not row["rms_difference"] <= NOISE * row["rms_reference"]
    ]


def lacking(seen):
    assert seen.fields["tallies"]
    return [row["label"] for row in seen.fields["tallies"] if row["have"] != row["of"]]


def with_mask(layer, change):
    """The layer gets another mask than it is given."""
    layer.register_forward_pre_hook(lambda module, args, keywords: (args, {**keywords, **change(keywords)}), with_kwargs=True)


def seen_by(visible):
    """A mask of scores from who sees whom."""
    return torch.zeros(visible.shape).masked_fill(~visible, torch.finfo().min)[None, None]


# Each token sees the one behind it.
ONE_TOO_FAR = seen_by(torch.ones(6, 6).tril(1).bool())


def test_clean_models_pass(text, translation):
    for unit in (text(mistral()), text(mistral(sliding_window=None)), translation(bart())):
        assert wrong(attention.causal(unit)) == []
    for unit in (text(mistral()), text(bert()), translation(bart())):
        assert wrong(attention.mask(unit)) == []
        assert wrong(attention.implementations(unit)) == []
        assert lacking(attention.implementations(unit)) == []
    for unit in (text(bert()), translation(bart())):
        assert wrong(attention.bidirectional(unit))
    assert lacking(attention.window(text(mistral()))) == []


def test_a_causal_mask_that_is_off_by_one_in_the_last_layer(text):
    model = mistral()
    with_mask(model.layers[1], lambda _: {"attention_mask": ONE_TOO_FAR})
    assert wrong(attention.causal(text(model)))


def test_a_causal_mask_that_is_lost_beside_padding_alone(text, monkeypatch):
    make = modeling_mistral.create_sliding_window_causal_mask

    def lost(attention_mask, **keywords):
        if attention_mask is None or attention_mask.all():
            return make(attention_mask=attention_mask, **keywords)
        return seen_by(attention_mask.bool())[0].permute(1, 0, 2)[:, None].expand(-1, -1, 6, -1)

    monkeypatch.setattr(modeling_mistral, "create_sliding_window_causal_mask", lost)
    assert wrong(attention.causal(text(mistral()))) == ["last_hidden_state before token 3, token 3 hidden"]


def test_a_decoder_that_is_not_causal(translation):
    model = bart()
    for layer in model.decoder.layers:
        layer.self_attn.is_causal = False
    assert wrong(attention.causal(translation(model)))


def test_an_encoder_that_is_causal(text, monkeypatch):
    monkeypatch.setattr(modeling_bert, "create_bidirectional_mask", lambda **_: seen_by(torch.ones(6, 6).tril().bool()))
    assert wrong(attention.bidirectional(text(bert()))) == []


def test_a_mask_that_is_dropped_in_one_layer(text):
    model = bert()
    model.encoder.layer[1].register_forward_pre_hook(lambda _, args: (args[0], None, *args[2:]))
    assert wrong(attention.mask(text(model)))


class PooledAtTheHighest(torch.nn.Module):
    """Pools where the highest token is, as CLIP's kin do, which says how high it is; hides what its mask hides."""

    def __init__(self, config):
        super().__init__()
        self.config = config

    def forward(self, input_ids, attention_mask=None):
        states = input_ids.float()[..., None] * attention_mask[..., None]
        return {"pooled": states.sum(1) + input_ids.argmax(1, keepdim=True)}


def test_a_text_that_is_pooled_where_its_highest_token_is(text):
    for seed in range(20):
        unit = text(PooledAtTheHighest(BertConfig(**TEXT)))
        assert wrong(attention.mask(unit.fed_anew(seed))) == [], seed


def test_a_mask_that_is_made_up_where_none_is_given(text):
    class Hides(BertModel):
        def forward(self, input_ids, attention_mask=None):
            made = torch.ones_like(input_ids)
            made[:, -1] = 0
            return super().forward(input_ids, made if attention_mask is None else attention_mask)

    assert wrong(attention.mask(text(Hides(BertConfig(**TEXT)))))[0] == "last_hidden_state, without a mask"


def test_a_decoder_that_is_made_of_the_encoders_tokens(text):
    """The head hands its tokens to its decoder, which may see the hidden one: fed others, it must not move."""
    heads = {f"{side}_attention_heads": 2 for side in ("encoder", "decoder")}
    layers = {f"{side}_{key}": value for side in ("encoder", "decoder") for key, value in (("layers", 1), ("ffn_dim", 32))}
    model = BartModel(BartConfig(vocab_size=200, d_model=32, max_position_embeddings=16, **heads, **layers))
    assert wrong(attention.mask(text(model))) == []
    model.encoder.register_forward_pre_hook(lambda _, args, keywords: (args, {**keywords, "attention_mask": None}), with_kwargs=True)
    assert wrong(attention.mask(text(model)))


def test_a_mask_with_the_wrong_sign(text, monkeypatch):
    make = modeling_bert.create_bidirectional_mask
    monkeypatch.setattr(modeling_bert, "create_bidirectional_mask", lambda **keywords: inverted(make(**keywords)))
    assert wrong(attention.mask(text(bert())))


def inverted(mask):
    return mask if mask is None else ~mask


def test_a_mask_that_is_dropped_between_encoder_and_decoder(translation, monkeypatch):
    make = modeling_bart.create_bidirectional_mask
    monkeypatch.setattr(
        modeling_bart,
        "create_bidirectional_mask",
        lambda **keywords: None if keywords.get("encoder_hidden_states") is not None else make(**keywords),
    )
    assert wrong(attention.mask(translation(bart()))) == ["last_hidden_state, token 3 hidden"]


def test_a_mask_over_the_decoders_tokens_that_is_dropped(translation, monkeypatch):
    make = modeling_bart.create_causal_mask
    monkeypatch.setattr(modeling_bart, "create_causal_mask", lambda **keywords: make(**{**keywords, "attention_mask": None}))
    assert wrong(attention.mask(translation(bart()))) == ["last_hidden_state, decoder token 2 hidden"]


def test_a_scale_that_one_implementation_gets_wrong(text, monkeypatch):
    eager = modeling_mistral.eager_attention_forward
    monkeypatch.setattr(
        modeling_mistral, "eager_attention_forward", lambda *args, scaling, **keywords: eager(*args, scaling=2 * scaling, **keywords)
    )
    assert wrong(attention.implementations(text(mistral())))


def test_a_causal_mask_that_is_left_to_the_fused_implementation_and_not_made_there(text):
    model = Qwen2Model(Qwen2Config(**TEXT, num_key_value_heads=2))
    for layer in model.layers:
        layer.self_attn.is_causal = False
    assert "last_hidden_state" in wrong(attention.implementations(text(model)))


def test_a_model_that_says_it_attends_eagerly_and_does_not(text, monkeypatch):
    functions = modeling_mistral.ALL_ATTENTION_FUNCTIONS
    monkeypatch.setitem(functions._local_mapping, "eager", functions["sdpa"])
    unit = text(mistral())
    monkeypatch.setattr(attention, "_built_eager", lambda unit: unit.model)
    assert lacking(attention.implementations(unit)) == ["implementations, of eager and fused"]


@pytest.mark.parametrize("size", [WINDOW - 1, WINDOW + 1, 6])
def test_a_window_that_is_off_by_one_or_lost_in_one_layer(text, size):
    model = mistral()
    with_mask(model.layers[1], lambda _: {"attention_mask": seen_by(torch.ones(6, 6).tril().triu(1 - size).bool())})
    assert lacking(attention.window(text(model))) == [
        f"layers.1 (sliding_attention of {WINDOW}): states that see the first one as they should"
    ]


def modernbert():
    return ModernBertModel(ModernBertConfig(**TEXT, pad_token_id=0, local_attention=4, global_attn_every_n_layers=2))


@pytest.mark.parametrize("distance", [1, 2, 3])
def test_a_window_to_both_sides_that_is_off_by_one(unit_of, distance):
    model = modernbert()
    unit = unit_of(model, (TOKENS, MASK), model.config)
    unit.recipe["facts"] = {"has": ["bidirectional", "mask"]}
    with_mask(model.layers[1], lambda _: {"attention_mask": seen_by(torch.ones(6, 6).tril(distance).triu(-distance).bool())})
    assert bool(lacking(attention.window(unit))) == (distance != 2)


def test_a_token_that_sees_the_image_behind_it(unit_of):
    class Looks(torch.nn.Module):
        def __init__(self, first):
            super().__init__()
            self.first = first
            self.table, self.layer = torch.nn.Embedding(200, 4), torch.nn.Linear(4, 4)

        def forward(self, input_ids, pixel_values):
            states = self.table(input_ids)
            states[:, self.first :] += self.layer(pixel_values)[:, None]
            return {"last_hidden_state": states}

    specs = (
        InputSpec("input_ids", "tokens", "int64", (6,), 1, 200, placed=((2, 7),)),
        InputSpec("pixel_values", "pixels", "float32", (4,)),
    )
    assert wrong(attention.causal(unit_of(Looks(2), specs))) == []
    assert wrong(attention.causal(unit_of(Looks(1), specs))) == ["last_hidden_state before token 2 for other images and sounds"]
