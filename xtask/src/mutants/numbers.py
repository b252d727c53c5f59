"""What `cargo xtask mutants` asks of a model beside the checks: a sketch of its outputs, at weights and inputs that are the same in every
run."""

import contextlib
import copy
import json

import torch

import assay.checks
from assay.weights import fill

DIRECTIONS = 16
"""Random directions on which an output is projected: the root mean square difference of two outputs is known to a fifth."""
MOST = 50_000
"""Elements of an output that are looked at."""
NONCE = 5


@assay.check("mutant.numbers", asserts="the run says what the outputs are", bug="none", rule="completes", profile="quick")
def numbers(unit):
    sketches = {}
    with contextlib.suppress(Exception):  # a planted bug may raise anywhere
        # By its design a model may remember what it was fed, or fill itself while it is built.
        unit.forget()
        model = copy.deepcopy(unit.model)
        if unit.is_filled:
            fill(model, NONCE, unit._initial)
        sketches = {name: sketch(tensor) for name, tensor in unit.forward(unit.inputs, model).items() if tensor.is_floating_point()}
    shown = ":".join([unit.subject["name"], *{unit.subject.get("auto_class", "AutoModel")} - {"AutoModel"}])
    seen = assay.Observation()
    seen.note(json.dumps({"subject": shown, "sketches": sketches, "planted": assay.checks.planted}))
    return seen


def sketch(tensor):
    """Projections on random directions; none if an element is not finite."""
    values = tensor.detach().double().flatten()
    values = values[:: -(-values.numel() // MOST) or 1]
    if not values.isfinite().all():
        return []
    directions = torch.randn(DIRECTIONS, values.numel(), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return (directions @ values).tolist()
