"""What a mask hides, on an encoder made by hand: a clean one passes, and whatever reads padding in one place only is seen."""

import pytest
import torch
from torch import nn

from assay.checks import covering
from assay.subjects import InputSpec
from assay.subjects.specs import as_rows

SOUND = InputSpec("input_features", "mel", "float32", (32, 6))
MASK = InputSpec("attention_mask", "mask", "int64", (32,), values=1)
# Of a state's size; float32's noise is some 1e-7 of it.
NOISE = 1e-5


class Encoder(nn.Module):
    """Two convolutions, a norm over time, two layers of attention and a pooled state. It sets to zero what is hidden, or doesn't."""

    def __init__(self, zeroing, masked=(True, True), pools_all=False):
        super().__init__()
        self.zeroing, self.masked, self.pools_all = zeroing, masked, pools_all
        self.convolution = nn.Conv1d(6, 8, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.beside = nn.Conv1d(8, 8, 5, padding=2)
        self.layers = nn.ModuleList(nn.Linear(8, 24) for _ in masked)

    def forward(self, input_features, attention_mask):
        states = self.norm(self.convolution(input_features.transpose(1, 2))).transpose(1, 2)
        shown = attention_mask[:, ::2].bool()
        if self.zeroing:
            states[~shown] = 0
        states = states + self.beside(states.transpose(1, 2)).transpose(1, 2)
        for layer, masked in zip(self.layers, self.masked, strict=True):
            query, key, value = layer(states).chunk(3, -1)
            mask = shown[:, None] if masked else None
            states = states + nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        weights = torch.ones_like(shown) if self.pools_all else shown
        pooled = (states * weights[..., None]).sum(1) / weights.sum(1, keepdim=True)
        return {"last_hidden_state": states, "pooler_output": pooled}


@pytest.fixture
def wrong(unit_of):
    def run(*options):
        unit = unit_of(Encoder(*options), (SOUND, MASK))
        unit.recipe["masks"] = {"all": as_rows([MASK])}
        rows = covering.of_covered(unit).fields["comparisons"]
        assert len(rows) == 2
        return [row["label"].partition(",")[0] for row in rows if row["rms_difference"] > NOISE * row["rms_reference"]]

    return run


@pytest.mark.parametrize("zeroing", [False, True])
def test_what_a_mask_hides_is_seen_where_one_layer_or_the_pooling_ignores_it(wrong, zeroing):
    both = ["last_hidden_state", "pooler_output"]
    # The convolutions and the norm look over the border: no bug.
    assert wrong(zeroing) == []
    assert wrong(zeroing, (False, True)) == wrong(zeroing, (True, False)) == both
    assert wrong(zeroing, (True, True), True) == ["pooler_output"]


def test_what_a_mask_of_several_inputs_or_of_a_series_hides_is_not_asked_for(unit_of):
    unit = unit_of(nn.Identity(), (SOUND, InputSpec("other", "features", "float32", (32, 2)), MASK))
    unit.recipe["masks"] = {"all": as_rows([MASK])}
    assert not covering.of_covered(unit).fields["comparisons"]
    series = InputSpec("past_values", "series", "float32", (32, 1))
    unit = unit_of(nn.Identity(), (series, MASK))
    unit.recipe["masks"] = {"all": as_rows([MASK])}
    assert not covering.of_covered(unit).fields["comparisons"]
