"""The generator agrees with the judge's; filling is by name, finite, and the same twice."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from assay.weights import calibrate, fill, variates, words

VECTORS = json.loads((Path(__file__).parents[2] / "tests/vectors/generator.json").read_text())


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: row["name"] or "empty")
def test_vectors(row):
    nonce, name, index = int(row["nonce"]), row["name"], row["index"]
    assert str(int(words(nonce, name, 1, index)[0])) == row["word"]
    assert int(variates(nonce, name, 1, index).view(np.uint32)[0]) == row["variate_bits"]


def test_an_element_does_not_depend_on_those_before_it():
    assert np.array_equal(variates(3, "a", 10)[4:], variates(3, "a", 6, start=4))


def filled(nonce):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Embedding(8, 4), torch.nn.Linear(4, 3), torch.nn.LayerNorm(3), torch.nn.BatchNorm1d(3))
    initial = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    fill(model, nonce, initial)
    fill(model, nonce, initial)
    return model


def test_what_the_judge_draws_again_is_what_is_filled():
    linear = filled(5)[1]
    assert np.array_equal(linear.weight.detach().numpy().ravel(), variates(5, "1.weight", 12) * np.float32(0.5))
    assert np.array_equal(linear.bias.detach().numpy(), variates(5, "1.bias", 3) * np.float32(0.1))


def test_norms_stay_around_what_the_library_gave_them_and_variances_positive():
    model = filled(5)
    assert (model[2].weight - 1).abs().max() < 0.2 * 3.5
    assert (model[3].running_var > 0).all()


def test_another_nonce_gives_other_weights():
    assert not torch.equal(filled(5)[1].weight, filled(6)[1].weight)


def test_a_table_that_the_architecture_fixes_stays_and_state_space_decays_move_a_little():
    class Fixed(torch.nn.Embedding):
        pass

    class Recurrence(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.positions = Fixed(4, 2)
            self.positions.weight.requires_grad_(False)
            self.dt_bias = torch.nn.Parameter(torch.full((50,), -5.0))

    model = Recurrence()
    initial = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    fill(model, 5, initial)
    assert torch.equal(model.positions.weight, initial["positions.weight"])
    assert 0.1 < model.dt_bias.std() < 0.3
    assert abs(model.dt_bias.mean() + 5) < 0.2


NORMED = {
    "each output channel": (torch.nn.Conv1d(24, 32, 4), 0),
    "each tap of a convolution in groups": (torch.nn.Conv1d(32, 32, 8, groups=4), 2),
    "the whole weight": (torch.nn.Linear(48, 32), None),
    "each input channel of a transposed convolution": (torch.nn.ConvTranspose1d(32, 8, 8, stride=2), 0),
}


@pytest.mark.parametrize(("module", "dim"), NORMED.values(), ids=NORMED)
def test_a_weight_norm_keeps_the_size_of_the_signal_whatever_the_library_gave_it(module, dim):
    normed = torch.nn.utils.parametrizations.weight_norm(module, dim=dim)
    model = torch.nn.ModuleDict({"layer": normed})
    initial = {name: parameter.detach() * 1e-3 for name, parameter in model.named_parameters()}
    fill(model, 5, initial)
    width = 48 if isinstance(module, torch.nn.Linear) else module.in_channels
    signal = torch.from_numpy(variates(7, "signal", 64 * width * 30)).reshape((64, 30, width) if width == 48 else (64, width, 30))
    with torch.no_grad():
        size = normed(signal).std()
    assert 0.8 < size < 1.25


def test_a_frozen_weight_norm_is_filled_since_the_judge_draws_it_again():
    model = torch.nn.ModuleDict({"layer": torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(2, 3, 3)).requires_grad_(False)})
    initial = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    fill(model, 5, initial)
    assert not torch.equal(model["layer"].parametrizations.weight.original1, initial["layer.parametrizations.weight.original1"])


def silent_net(depth=24):
    """Convolutions behind ReLUs, each followed by a norm with running statistics."""
    layers = [torch.nn.Conv2d(3, 8, 3, padding=1)]
    for _ in range(depth):
        layers += [torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3, padding=1)]
    return torch.nn.Sequential(*layers).eval()


def test_calibrated_norms_let_a_deep_net_speak():
    model = silent_net()
    fill(model, 7, {name: parameter.detach().clone() for name, parameter in model.named_parameters()})
    one, other = torch.randn(2, 2, 3, 8, 8)

    def movement():
        with torch.no_grad():
            a, b = model(one), model(other)
        return float((a - b).norm() / a.norm())

    drawn = movement()
    calibrate(model, 7, lambda: model(one))
    calibrated = movement()
    assert drawn < 1e-3, "with statistics that are drawn the signal fades: what calibrating is for"
    assert calibrated > 0.3
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    calibrate(model, 7, lambda: model(one))
    assert all(torch.equal(kept[name], buffer) for name, buffer in model.named_buffers()), "the same each time"


def test_a_channel_without_a_signal_leaves_statistics_as_they_were():
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(3)).eval()
    calibrate(model, 7, lambda: model(torch.ones(2, 3, 4, 4)))
    assert torch.equal(model[0].running_var, torch.ones(3))


def test_buffers_that_training_fills_are_filled_and_tables_are_not():
    model = torch.nn.Module()
    model.register_buffer("embed", torch.zeros(8, 4))
    model.register_buffer("e_score_correction_bias", torch.zeros(4))
    model.register_buffer("inv_freq", torch.ones(4), persistent=False)
    model.register_buffer("position_ids", torch.arange(4))
    fill(model, 7, {})
    assert model.embed.std() > 0.2
    assert model.e_score_correction_bias.std() > 0.01
    assert torch.equal(model.inv_freq, torch.ones(4))
    assert torch.equal(model.position_ids, torch.arange(4))


def test_a_scale_of_any_rank_is_moved_from_where_it_was():
    """VITS has scales of logarithms as columns: drawn with a spread of one, its durations are exponentials of tens."""
    model = torch.nn.Module()
    model.log_scale = torch.nn.Parameter(torch.zeros(16, 1))
    fill(model, 7, {"log_scale": torch.zeros(16, 1)})
    assert 0 < model.log_scale.abs().max() < 1


def test_what_routes_tokens_is_filled():
    class Router(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.num_experts = 4
            self.tid2eid = torch.nn.Buffer(torch.zeros(50, 2, dtype=torch.long))
            self.correction_bias = torch.nn.Parameter(torch.zeros(1, 4), requires_grad=False)
            self.table = torch.nn.Parameter(torch.zeros(1, 4), requires_grad=False)

    router = Router()
    fill(router, 5, {name: parameter.detach().clone() for name, parameter in router.named_parameters()})
    first, second = router.tid2eid.unbind(1)
    assert set(first.tolist()) == set(second.tolist()) == {0, 1, 2, 3}
    assert (first != second).all()
    assert router.correction_bias.std() > 0
    assert not router.table.any()  # fixed by the architecture
