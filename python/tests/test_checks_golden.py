"""Golden outputs: collected under fixed weights and inputs, the same wherever and in whatever order the model is built."""

import torch

from assay.checks import golden
from assay.weights import fill


def test_a_sketch_is_about_as_large_as_its_values():
    for count in (1, 7, 4096, 100_003):
        values = torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(count))
        sums = torch.tensor(golden.sketch(values))
        assert sums.shape == (golden.PROJECTIONS,)
        assert 0.4 < float(sums.pow(2).mean().sqrt() / values.pow(2).mean().sqrt()) < 2.0


def test_a_sketch_sees_two_elements_that_change_places_and_two_blocks_that_do():
    values = torch.arange(3 * golden.BLOCK, dtype=torch.float64)
    swapped = values.clone()
    swapped[[5, 6]] = values[[6, 5]]
    blocks = values.reshape(3, -1)[[1, 0, 2]].reshape(-1)
    assert golden.sketch(swapped) != golden.sketch(values) != golden.sketch(blocks)


def test_renamed_tensors_are_matched_by_shape_and_by_what_stays_of_their_names():
    before = {f"h.{i}.attn.{leaf}.weight": [8, 8] for i in range(2) for leaf in ("q", "k")} | {"norm.bias": [8]}
    now = {f"h.{i}.attn.{leaf}.weight": [8, 8] for i in range(2) for leaf in ("query", "key")} | {"norm.bias": [8]}
    found = golden.match(before, now)
    assert found == {
        f"h.{i}.attn.{new}.weight": f"h.{i}.attn.{old}.weight" for i in range(2) for old, new in (("q", "query"), ("k", "key"))
    }
    assert golden.match(before, before) == {}
    assert golden.match({"norm.bias": [8]}, {"norm.offset": [9]}) == {}
    assert golden.match({"norm.bias": [8]}, {"encoder.table": [8]}) == {}, "of one shape, and nothing else alike"


def test_what_is_drawn_by_its_old_name_is_what_it_was():
    one, other = torch.nn.ModuleDict({"old": torch.nn.Linear(4, 4)}), torch.nn.ModuleDict({"new": torch.nn.Linear(4, 4)})
    fill(one, 1, dict(one.named_parameters()))
    fill(other, 1, dict(other.named_parameters()), {"new.weight": "old.weight", "new.bias": "old.bias"})
    assert torch.equal(one["old"].weight, other["new"].weight)
    assert torch.equal(one["old"].bias, other["new"].bias)


def test_facts_leave_out_what_is_not_finite_and_count_it():
    facts = golden._facts(torch.tensor([1.0, -1.0, float("-inf")]), torch.tensor([1.0, -1.0 + 1e-7, float("-inf")], dtype=torch.float64))
    assert (facts["non_finite"], facts["mean"], facts["rms"]) == (1, 0.0, 1.0)
    assert abs(facts["noise"] - 1e-7 / 2**0.5) < 1e-12
    assert golden._facts(torch.ones(2), torch.tensor([1.0, float("nan")]))["noise"] is None
    assert golden._facts(torch.zeros(0), None)["rms"] == 0.0
