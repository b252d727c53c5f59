"""Platforms that this environment has, with real models, and with something else in their place."""

import pytest
import torch
from transformers import BertConfig, BertModel

from assay import platforms
from assay.platforms.exported import called
from assay.platforms.torch_compile import TorchCompile

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 99}


@pytest.fixture
def bert():
    torch.manual_seed(0)
    return BertModel(BertConfig(**SIZES)).eval()


@pytest.fixture
def inputs():
    return {"input_ids": torch.randint(99, (2, 7)), "attention_mask": torch.ones(2, 7, dtype=torch.int64)}


def test_an_exported_program_runs_without_the_modules_of_the_model(bert, inputs):
    backend = platforms.of("torch-export")
    backend.prepare(bert, inputs)
    backend.load()
    with torch.no_grad():
        assert torch.allclose(backend.run(inputs).last_hidden_state, bert(**inputs).last_hidden_state, atol=1e-5)
    executed = backend.executed(inputs)
    assert executed.by["ExportedProgram"] > 20
    assert executed.elsewhere == []


def test_a_runner_that_calls_the_model_in_the_place_of_the_program_is_seen(bert, inputs, monkeypatch):
    backend = platforms.of("torch-export")
    backend.prepare(bert, inputs)
    backend.load()
    (runner,) = backend.model.runners.values()
    monkeypatch.setattr(
        type(runner), "__call__", lambda self, **inputs: bert(**{name: its for name, its in inputs.items() if "share" not in name})
    )
    elsewhere = backend.executed(inputs).elsewhere
    assert "a forward of BertModel" in elsewhere
    assert "a forward of BertLayer" in elsewhere


def test_only_modules_of_a_model_are_counted(bert, inputs):
    with called() as classes:
        bert(**inputs)
    assert classes["BertLayer"] == 2
    with called() as classes:
        torch.fx.symbolic_trace(lambda x: x.sin())(torch.ones(1))
    assert not classes


class Breaks(torch.nn.Module):
    """Half of it may be left to eager torch."""

    def __init__(self, breaks):
        super().__init__()
        self.first, self.second, self.breaks = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8), breaks

    def forward(self, values):
        states = torch.relu(self.first(values))
        return {"states": torch.sin(self.eager(states) if self.breaks else self.second(states))}

    @torch.compiler.disable
    def eager(self, states):
        return torch.softmax(self.second(states), -1)


@pytest.mark.skipif(TorchCompile.compiler() is None, reason="inductor compiles C++, and there is no compiler")
def test_what_is_left_to_eager_torch_is_not_compiled():
    fed = {"values": torch.randn(2, 8)}
    elsewhere = {}
    for breaks in (False, True):
        backend = platforms.of("torch-compile")
        backend.prepare(Breaks(breaks).eval(), fed)
        backend.load()
        executed = backend.executed(fed)
        assert executed.by["compiled graphs"] > 0
        elsewhere[breaks] = executed.elsewhere
    assert elsewhere == {False: [], True: ["aten::linear", "aten::softmax"]}
