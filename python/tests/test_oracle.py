"""The float64 oracle."""

import torch
from transformers import MixtralConfig, MixtralModel

from assay.checks import oracle


class Upcast(torch.nn.Module):
    """Casts to float32 as the norms of most language models do, and makes a table in float32 as their rotary embeddings do."""

    def __init__(self):
        super().__init__()
        self.line = torch.nn.Linear(4, 4)

    def forward(self, values):
        wide = self.line(values).to(torch.float32) + torch.arange(4, dtype=torch.float32)
        return (wide * torch.rsqrt(wide.float().pow(2).mean(-1, keepdim=True) + 1e-6)).to(values.dtype)


def test_a_cast_to_float32_narrows_nothing():
    torch.manual_seed(0)
    model, values = Upcast(), torch.randn(2, 4)
    wide = oracle.widened(model)
    narrowed = wide(values.double())
    with oracle.all_wide():
        exact = wide(values.double())
    x = model.line.weight.double() @ values.double().T
    x = x.T + model.line.bias.double() + torch.arange(4, dtype=torch.float64)
    by_hand = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
    assert exact.dtype == torch.float64
    assert (exact - by_hand).abs().max() < 1e-14
    assert (narrowed - by_hand).abs().max() > 1e-9, "without it the oracle is no better than float32"
    assert model.line.weight.dtype == torch.float32, "the model itself is as it was"


def test_what_is_drawn_is_drawn_as_in_float32_and_nothing_outlives_it():
    torch.manual_seed(3)

    def draw():
        some, half = torch.zeros(40), torch.full((40,), 0.5)
        return [
            torch.randn(40),
            torch.rand(40),
            torch.randn_like(some),
            some.clone().normal_(),
            some.clone().uniform_(-1, 1),
            torch.normal(some, 1 + some),
            torch.bernoulli(half),
        ]

    narrow = draw()
    torch.manual_seed(3)
    with oracle.all_wide():
        wide = draw()
    for a, b in zip(narrow, wide, strict=True):
        assert b.dtype == torch.float64
        assert torch.equal(a.double(), b)
    with oracle.all_wide():
        values = torch.ones(2)
        assert [values.half().dtype, values.bfloat16().dtype, values.to(torch.complex64).dtype] == [torch.float64] * 2 + [torch.complex128]
    assert torch.get_default_dtype() == torch.float32
    assert torch.zeros(1).float().dtype == torch.float32


def test_experts_have_an_oracle():
    """Their grouped products are for narrow types only."""
    torch.manual_seed(0)
    config = MixtralConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_local_experts=4,
    )
    model, tokens = MixtralModel(config).eval(), torch.arange(6)[None]
    with torch.no_grad(), oracle.all_wide():
        wide = oracle.widened(model)(input_ids=tokens).last_hidden_state
    with torch.no_grad():
        narrow = model(input_ids=tokens).last_hidden_state
    assert wide.dtype == torch.float64
    assert 0 < (narrow - wide).abs().max() < 1e-4
    assert model.config._experts_implementation != "eager", "only the copy runs them one by one"
