"""What a worker shows of each kind of layer can be computed again."""

import json
import math
from pathlib import Path

import pytest
import torch
from torch.nn.utils.parametrizations import weight_norm
from transformers.models.bit.modeling_bit import WeightStandardizedConv2d
from transformers.pytorch_utils import Conv1D

from assay import captured, evidence
from assay.subjects import InputSpec
from assay.weights import fill, variates

TOKENS = InputSpec("input_ids", "tokens", "int64", (6,), 1, 200)
MASK = InputSpec("attention_mask", "attention_mask", "int64", (6,))

LAYERS = [
    (torch.nn.Linear(5, 3), torch.randn(2, 4, 5)),
    (Conv1D(3, 5), torch.randn(2, 4, 5)),
    (torch.nn.Conv1d(2, 3, 3, stride=2, padding=1), torch.randn(2, 2, 9)),
    (torch.nn.Conv2d(2, 3, (3, 2), stride=2, padding=1, dilation=2), torch.randn(2, 2, 9, 8)),
    (torch.nn.Conv3d(1, 3, 2), torch.randn(2, 1, 4, 4, 4)),
    (torch.nn.Conv2d(2, 3, 3, padding="valid"), torch.randn(2, 2, 9, 8)),
    (torch.nn.Conv2d(2, 3, 1, padding="same"), torch.randn(2, 2, 9, 8)),
]


VECTORS = json.loads((Path(__file__).parents[2] / "tests/vectors/layers.json").read_text())
"""One captured layer of each kind with its nonce; the tests of the judge compute the same file again."""
BUILD = {
    "linear": lambda: torch.nn.Linear(5, 3),
    "conv1d": lambda: Conv1D(3, 5),
    "embedding": lambda: torch.nn.Embedding(7, 4),
    "convolution": lambda: torch.nn.Conv2d(2, 3, (3, 2)),
    "weight_normed_convolution": lambda: weight_norm(torch.nn.Conv1d(2, 3, 3)),
    "standardized_convolution": lambda: WeightStandardizedConv2d(2, 3, (3, 2), padding=0),
}


def shown_of(module, argument):
    return moment_of(module, argument).as_json()


def moment_of(module, argument, model=None, place=-1):
    names = {id(parameter): name for name, parameter in (model or module).named_parameters()}
    with torch.no_grad():
        call = captured.call_of("layer", module, (argument,), {}, module(argument))
    return call.moment(range(len(call.results()))[place], names)


@pytest.mark.parametrize(("module", "argument"), LAYERS, ids=lambda value: type(value).__name__)
def test_a_captured_layer_is_its_own_arithmetic(module, argument):
    weight = module.weight.T if isinstance(module, Conv1D) else module.weight.reshape(module.weight.shape[0], -1)
    for place in (0, 2, -1):
        shown = moment_of(module, argument, place=place).as_json()
        assert shown["columns"]
        for column, value in zip(shown["columns"], shown["output"], strict=True):
            expected = sum(w * x for w, x in zip(weight[column].tolist(), shown["input"], strict=True)) + module.bias[column].item()
            assert math.isclose(value, expected, abs_tol=1e-5)


def kind_name(layer):
    return layer["kind"] if isinstance(layer["kind"], str) else next(iter(layer["kind"]))


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: kind_name(row["layer"]))
def test_a_layer_that_is_filled_from_a_nonce_shows_what_the_judge_computes(row):
    nonce, wanted = int(row["nonce"]), row["layer"]
    module = BUILD[kind_name(wanted)]()
    model = torch.nn.ModuleDict({"layer": module})
    fill(model, nonce, {name: parameter.detach().clone() for name, parameter in model.named_parameters()})
    argument = torch.from_numpy(variates(nonce, "input", len(wanted["input"])))
    if isinstance(module, torch.nn.modules.conv._ConvNd):  # as large as its kernel: one patch
        argument = argument.reshape(1, module.in_channels, *module.kernel_size)
    elif wanted["kind"] == "embedding":
        argument = torch.tensor([5])
    shown = moment_of(module, argument, model).as_json()
    assert shown.pop("output") == pytest.approx(wanted["output"], abs=1e-5)
    assert shown == {key: value for key, value in wanted.items() if key != "output"}


def test_an_embedding_shows_its_row():
    module = torch.nn.Embedding(7, 4)
    shown = shown_of(module, torch.tensor([[1, 6], [3, 2]]))
    assert shown["input"] == [2.0]
    assert shown["output"] == module.weight[2].tolist()


def test_what_a_layer_showed_is_kept_though_it_is_written_over():
    module, argument = torch.nn.Linear(3, 2), torch.ones(1, 3)
    with torch.no_grad():
        output = module(argument)
        call = captured.call_of("layer", module, (argument,), {}, output)
        names = {id(parameter): name for name, parameter in module.named_parameters()}
        before = call.moment(0, names).as_json()
        output.zero_()
        argument.zero_()
    assert call.moment(0, names).as_json() == before


def test_layers_whose_arithmetic_is_another_are_not_shown():
    class Scaled(torch.nn.Linear):
        pass

    assert captured.kind_of(Scaled(2, 2)) is None
    assert captured.kind_of(torch.nn.Conv1d(4, 4, 3, groups=4)) is None
    assert captured.kind_of(torch.nn.Conv1d(4, 4, 3, padding="same")) is None
    assert captured.kind_of(torch.nn.Conv1d(4, 4, 3, padding=1, padding_mode="circular")) is None
    assert captured.kind_of(torch.nn.Embedding(4, 4, max_norm=1.0)) is None
    assert captured.kind_of(torch.nn.Linear(2, 2).double()) is None
    assert captured.kind_of(weight_norm(torch.nn.Linear(2, 2))) is None
    assert captured.kind_of(weight_norm(torch.nn.Conv1d(2, 2, 3), dim=2)) is None
    assert captured.kind_of(weight_norm(torch.nn.Conv1d(4, 4, 3, groups=4))) is None
    assert captured.kind_of(weight_norm(torch.nn.ConvTranspose1d(2, 2, 3))) is None
    assert captured.kind_of(weight_norm(Scaled(2, 2))) is None
    assert captured.kind_of(weight_norm(weight_norm(torch.nn.Conv1d(2, 2, 3)), name="bias")) is None
    assert captured.kind_of(torch.nn.utils.parametrizations.spectral_norm(torch.nn.Conv1d(2, 2, 3))) is None
    assert captured.kind_of(WeightStandardizedConv2d(2, 2, 3, padding="SAME", stride=2)) is None
    assert captured.kind_of(WeightStandardizedConv2d(2, 2, 3).requires_grad_(False)) is None


class Straight(torch.nn.Module):
    """Two layers, the second called by keyword."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

    def forward(self, values):
        return {"last_hidden_state": self.second(input=torch.tanh(self.first(values)))}


def test_layers_of_both_forwards_and_samples_of_three_are_shown(unit_of):
    unit = unit_of(Straight())
    shown = evidence.show(unit)
    assert (shown["lacking"], shown["raised"], shown["eligible"]) == (None, None, ["first", "second"])
    assert [row["layer"] for row in shown["first"]] == [row["layer"] for row in shown["second"]] == ["first", "second"]
    samples = {sketch["of"]: sketch["values"] for sketch in shown["sketches"]}
    assert samples["first"] not in (samples["other_input"], samples["other_weights"])
    assert not any(module._forward_hooks for module in unit.model.modules())


def test_an_answer_from_a_cache_leaves_nothing_to_choose_from(unit_of):
    class Caches(Straight):
        answer = None

        def forward(self, values):
            self.answer = self.answer or super().forward(values)
            return self.answer

    assert evidence.show(unit_of(Caches()))["eligible"] == []


def test_an_expert_that_is_not_called_each_time_is_not_chosen(unit_of):
    class Routes(Straight):
        calls = 0

        def forward(self, values):
            self.calls += 1
            return super().forward(values) if self.calls == 1 else {"last_hidden_state": self.first(values)}

    assert evidence.show(unit_of(Routes()))["eligible"] == ["first"]


def test_numbers_that_are_not_finite_are_no_sign_of_a_mock(unit_of):
    class Breaks(Straight):
        def forward(self, values):
            return super().forward(values * float("nan"))

    class BreaksLate(Straight):
        def forward(self, values):
            return {"last_hidden_state": super().forward(values)["last_hidden_state"] * float("inf")}

    for kind, said in ((Breaks, "every layer"), (BreaksLate, "no output")):
        shown = evidence.show(unit_of(kind()))
        assert said in shown["raised"]["message"]
        assert shown["lacking"] is None
        assert shown["raised"]["exception"].endswith("NotFinite")
        assert shown["raised"]["origin"] == "subject"


def test_the_weights_come_back_when_a_forward_with_others_raises(unit_of):
    class Raises(Straight):
        calls = 0

        def forward(self, values):
            self.calls += 1
            if self.calls == 3:
                raise ValueError("no")
            return super().forward(values)

    unit = unit_of(Raises())
    before = unit.model.first.weight.clone()
    assert evidence.show(unit)["raised"]["exception"] == "ValueError"
    assert torch.equal(unit.model.first.weight, before)


def test_an_output_that_is_no_tensor(unit_of):
    class Says(Straight):
        def forward(self, values):
            return "hello"

    assert "no tensor" in evidence.show(unit_of(Says()))["lacking"]


def test_a_weight_that_the_model_itself_scales_is_not_shown(unit_of):
    class Scaling(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(4, 4)
            self.second = torch.nn.Linear(4, 4)
            self.is_scaled = False

        def forward(self, values):
            if not self.is_scaled:
                self.second.weight.div_(2)
                self.is_scaled = True
            return {"out": self.second(self.first(values))}

    shown = evidence.show(unit_of(Scaling()))
    assert shown["eligible"] == ["first"]
    assert shown["known_layers"] == 2


def test_a_weight_norm_that_the_model_itself_scales_or_shares_is_not_shown(unit_of):
    class Sharing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.plain = torch.nn.Conv1d(2, 2, 1)
            self.scaled, self.shared, self.kept = (weight_norm(torch.nn.Conv1d(2, 2, 1)) for _ in range(3))
            self.shared.parametrizations.weight.original1 = self.plain.weight

        def forward(self, values):
            self.scaled.parametrizations.weight.original0.mul_(2)
            return {"out": self.kept(self.shared(self.scaled(self.plain(values.reshape(-1, 2, 2)))))}

    shown = evidence.show(unit_of(Sharing()))
    assert shown["eligible"] == ["kept", "plain"]
    assert shown["known_layers"] == 4


def test_a_head_that_is_tied_to_a_table_is_not_shown(unit_of):
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(200, 8)
            self.head = torch.nn.Linear(8, 200)
            self.head.weight = self.table.weight

        def forward(self, input_ids, attention_mask):
            return {"out": self.head(self.table(input_ids))}

    shown = evidence.show(unit_of(Tied(), specs=(TOKENS, MASK)))
    assert shown["eligible"] == ["table"]


class Windows(torch.nn.Module):
    """Pads its tokens to whole windows, as longformer does, and asks learned queries, as DETR does."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(200, 8)
        self.mix = torch.nn.Linear(8, 8)
        self.queries = torch.nn.ModuleList(torch.nn.Linear(8, 8) for _ in range(40))

    def forward(self, input_ids, attention_mask):
        states = self.mix(torch.nn.functional.pad(self.embedding(input_ids), (0, 0, 0, 10)))
        asked = sum(query(torch.ones(1, 8)) for query in self.queries)
        return {"states": states[:, :6] + asked}


def test_it_is_shown_where_the_input_moves_a_layer(unit_of):
    shown = evidence.show(unit_of(Windows(), (TOKENS, MASK)))
    assert shown["raised"] is None
    assert shown["lacking"] is None
    assert shown["eligible"] == ["embedding", "mix"], "the queries prove nothing"
    for first, second in zip(shown["first"], shown["second"], strict=True):
        assert first["input"] != second["input"], "not the padding, which both inputs have"
