"""A unit around a module that a test makes by hand."""

import copy

import pytest
import torch

from assay.checks.unit import Unit
from assay.subjects import InputSpec
from assay.subjects.specs import as_rows
from assay.worker import instructions

instructions.hold_back()

JOB = {
    "subject": {"kind": "architecture", "name": "by-hand", "auto_class": "AutoModel"},
    "platform": "cpu",
    "seed": 5,
    "nonce": "7",
    "second_nonce": "8",
    "scratch": None,
    "evidence": True,
    "checks": [],
}
VALUES = InputSpec("values", "series", "float32", (3, 4))
TOKENS = InputSpec("input_ids", "tokens", "int64", (6,), 1, 200)
MASK = InputSpec("attention_mask", "attention_mask", "int64", (6,))


@pytest.fixture
def unit_of(tmp_path):
    """Makes a unit of a module and the inputs that it takes; nothing of transformers is built."""

    def make(model, specs=(VALUES,), config=None):
        recipe = {"inputs": {"all": as_rows(specs)}, "variants": ["all"], "changes": []}
        unit = Unit({**JOB, "recipe": recipe, "scratch": str(tmp_path)})
        unit.__dict__["config"] = config
        unit.__dict__["model"] = model.eval() if isinstance(model, torch.nn.Module) else model
        if isinstance(model, torch.nn.Module):
            unit._initial = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
            unit.fill(unit.nonce)
            unit.uncalled = lambda: copy.deepcopy(model)
        return unit

    return make
