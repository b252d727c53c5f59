"""Comparisons tell exactly what differs."""

import json

import pytest
import torch

from assay.observation import comparison


def test_equal_bits_differ_nowhere():
    x = torch.tensor([1.0, float("nan"), -2.0])
    row = comparison("x", x, x.clone(), None)
    assert (row["differing"], row["elements"], row["max_reference"]) == (0, 3, 2.0)


def test_one_element_is_found_with_its_place():
    x = torch.zeros(2, 3)
    y = x.clone()
    y[1, 2] = 0.5
    row = comparison("x", y, x, None)
    assert (row["differing"], row["max_difference"], row["worst_index"]) == (1, 0.5, [1, 2])


def test_a_negative_zero_is_another_zero():
    assert comparison("x", torch.tensor([-0.0, 1.0]), torch.tensor([0.0, 1.0]), None)["differing"] == 1


def test_one_sided_infinities_are_counted_and_stay_out_of_the_numbers():
    row = comparison("x", torch.tensor([float("inf"), 1.0]), torch.tensor([0.0, 1.0]), None)
    assert (row["non_finite_mismatch"], row["max_difference"]) == (1, 0.0)
    json.dumps(row, allow_nan=False)


def test_a_mask_by_the_least_number_of_the_type_counts_as_infinite():
    least = [torch.finfo(dtype).min for dtype in (torch.float32, torch.float64)]
    reference = torch.tensor([1.0, least[0]])
    row = comparison("x", torch.tensor([1.5, least[0]]), reference, torch.tensor([1.0, least[1]], dtype=torch.float64))
    assert (row["max_reference"], row["non_finite_mismatch"], row["oracle"]["result"]) == (1.0, 0, 0.5)
    json.dumps(row, allow_nan=False)
    assert comparison("x", torch.tensor([1.0, 2.0]), reference, None)["non_finite_mismatch"] == 1


def test_another_shape_or_type_is_said():
    assert comparison("x", torch.zeros(2), torch.zeros(3), None)["shape_mismatch"]
    assert comparison("x", torch.zeros(2), torch.zeros(2, dtype=torch.float64), None)["shape_mismatch"]


def test_the_oracle_measures_both_errors_against_the_reference_in_float64():
    exact = torch.tensor([1.0, 2.0], dtype=torch.float64)
    row = comparison("x", torch.tensor([1.5, 2.0]), torch.tensor([1.0, 2.25]), exact)
    assert row["oracle"] == pytest.approx({"result": 0.5 / 2**0.5, "reference": 0.25 / 2**0.5}, rel=1e-15)


def test_where_one_precision_overflows_there_is_no_oracle():
    exact = torch.tensor([1.0, float("inf")], dtype=torch.float64)
    assert comparison("x", torch.tensor([1.5, 2.0]), torch.tensor([1.0, 2.0]), exact)["oracle"] is None
    masked = torch.tensor([1.0, -float("inf")])
    assert comparison("x", masked + 0.5, masked, masked.double())["oracle"] == {"result": 0.5, "reference": 0.0}


def test_complex_numbers_differ_in_either_part():
    row = comparison("x", torch.tensor([1 + 2j, 3j]), torch.tensor([1 + 2j, 4j]), None)
    assert (row["differing"], row["max_difference"], row["elements"]) == (1, 1.0, 4)


def test_what_is_forbidden_by_the_lowest_number_of_a_type_hides_nothing_beside_it():
    lowest = torch.finfo(torch.float32).min
    row = comparison(
        "x", torch.tensor([lowest, 1.5]), torch.tensor([lowest, 1.0]), torch.tensor([torch.finfo(torch.float64).min, 1.0]).double()
    )
    assert (row["max_difference"], row["max_reference"], row["differing"]) == (0.5, 1.0, 1)
    assert row["oracle"] == {"result": 0.5, "reference": 0.0}
    assert comparison("x", torch.tensor([0.0, 1.0]), torch.tensor([lowest, 1.0]), None)["non_finite_mismatch"] == 1


def test_one_place_with_a_stride_is_compared():
    column = torch.randn(64)[None, ::64]
    assert column.stride(-1) == 64
    assert comparison("column", column, column.clone(), None)["differing"] == 0
    assert comparison("column", column, column + 1, None)["differing"] == 1
