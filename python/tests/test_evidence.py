"""What a worker shows of each kind of layer can be computed again."""

import math

import pytest
import torch
from transformers.pytorch_utils import Conv1D

from assay import captured

LAYERS = [
    (torch.nn.Linear(5, 3), torch.randn(2, 4, 5)),
    (Conv1D(3, 5), torch.randn(2, 4, 5)),
    (torch.nn.Conv1d(2, 3, 3, stride=2, padding=1), torch.randn(2, 2, 9)),
    (torch.nn.Conv2d(2, 3, (3, 2), stride=2, padding=1, dilation=2), torch.randn(2, 2, 9, 8)),
    (torch.nn.Conv3d(1, 3, 2), torch.randn(2, 1, 4, 4, 4)),
]


def shown_of(module, argument):
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    with torch.no_grad():
        return captured.moment("layer", module, (argument,), {}, module(argument), names).as_json()


@pytest.mark.parametrize(("module", "argument"), LAYERS, ids=lambda value: type(value).__name__)
def test_a_captured_layer_is_its_own_arithmetic(module, argument):
    shown = shown_of(module, argument)
    weight = module.weight.T if isinstance(module, Conv1D) else module.weight.reshape(module.weight.shape[0], -1)
    assert shown["columns"]
    for column, value in zip(shown["columns"], shown["output"], strict=True):
        expected = sum(w * x for w, x in zip(weight[column].tolist(), shown["input"], strict=True)) + module.bias[column].item()
        assert math.isclose(value, expected, abs_tol=1e-5)


def test_an_embedding_shows_its_row():
    module = torch.nn.Embedding(7, 4)
    shown = shown_of(module, torch.tensor([[1, 6], [3, 2]]))
    assert shown["input"] == [3.0]
    assert shown["output"] == module.weight[3].tolist()


def test_what_a_layer_showed_is_kept_though_it_is_written_over():
    module, argument = torch.nn.Linear(3, 2), torch.ones(1, 3)
    with torch.no_grad():
        output = module(argument)
        kept = captured.moment("layer", module, (argument,), {}, output, {id(p): n for n, p in module.named_parameters()})
        before = kept.as_json()
        output.zero_()
        argument.zero_()
    assert kept.as_json() == before


def test_layers_whose_arithmetic_is_another_are_not_shown():
    class Scaled(torch.nn.Linear):
        pass

    assert captured.kind_of(Scaled(2, 2)) is None
    assert captured.kind_of(torch.nn.Conv1d(4, 4, 3, groups=4)) is None
    assert captured.kind_of(torch.nn.Conv1d(4, 4, 3, padding="same")) is None
    assert captured.kind_of(torch.nn.Linear(2, 2).double()) is None
