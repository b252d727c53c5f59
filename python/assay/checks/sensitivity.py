"""Group `sensitivity`: what the output depends on."""

from __future__ import annotations

from functools import partial

import torch

from assay.checks.unit import Tensors, Unit, of_subject, walk
from assay.observation import Observation, comparison
from assay.subjects import CONTENT
from assay.subjects.modules import leaves

CHANGE = 0.01
"""The relative change of a tensor whose effect is measured."""
SILENT = 1e-7
"""Below this share of the output's size a 1 % change of a whole tensor can't be told from float32's own error, 1e-7 to 2e-7
(FACTS.md)."""


def of_input(unit: Unit) -> Observation:
    """Each content input redrawn in turn: the output that moves most."""
    seen = Observation()
    for spec in unit.specs:
        if spec.role not in CONTENT:
            continue
        redrawn = {**unit.inputs, spec.name: unit.redraw(spec, unit.seed + 7)}
        outputs = unit.forward(redrawn)
        rows = [
            comparison(f"{spec.name} redrawn: {name}", outputs[name], tensor, None)
            for name, tensor in unit.reference.items()
            if name in outputs and tensor.is_floating_point() and tensor.numel()
        ]
        if rows:
            seen.fields["comparisons"].append(max(rows, key=_movement))
    return seen


def _movement(row: dict) -> float:
    return row["rms_difference"] / row["rms_reference"] if row["rms_reference"] else row["rms_difference"]


def of_weights(unit: Unit) -> Observation:
    """Leaf modules of which at least one tensor has an effect."""
    seen = Observation()
    effect = effects(unit)
    modules = {
        name: [f"{name}.{leaf}" for leaf, parameter in module._parameters.items() if parameter is not None]
        for name, module in leaves(unit.model).items()
    }
    # A tied weight is known by the name that comes first.
    known = {name: [tensor for tensor in tensors if tensor in effect] for name, tensors in modules.items()}
    known = {name: tensors for name, tensors in known.items() if tensors}
    unused = _unused(unit)
    known = {name: tensors for name, tensors in known.items() if not name.startswith(unused)}
    if unused:
        seen.note(f"unused by configuration (vision_feature_layer): {', '.join(unused)}")
    silent = [name for name, tensors in known.items() if all(effect[tensor] < SILENT for tensor in tensors)]
    silent = [name for name in silent if not _speaks(unit, known[name])]
    seen.count("modules that the output depends on", known, silent)
    seen.fields["measures"] = {
        "parameter_tensors": len(effect),
        "visible_parameter_tensors": sum(value >= SILENT for value in effect.values()),
    }
    quiet = [f"{name} {value:.1e}" for name, value in effect.items() if value < SILENT]
    if quiet:
        seen.note(f"silent tensors: {', '.join(quiet[:20])}")
    return seen


def _speaks(unit: Unit, tensors: list[str]) -> bool:
    """Whether a forward shows a change of these tensors: some modules compute without a gradient."""
    parameters = dict(unit.model.named_parameters())
    kept = {name: parameters[name].detach().clone() for name in tensors}
    straight = [unit.forward(inputs) for inputs in unit.variants]
    try:
        with torch.no_grad():
            for name, before in kept.items():
                parameters[name].copy_(before * (1 + 10 * CHANGE) + 10 * CHANGE)
        moved = [unit.forward(inputs) for inputs in unit.variants]
    finally:
        with torch.no_grad():
            for name, before in kept.items():
                parameters[name].copy_(before)
    rows = (
        comparison(name, after[name], tensor, None)
        for before, after in zip(straight, moved, strict=True)
        for name, tensor in before.items()
        if name in after
    )
    return any(_movement(row) > 1e3 * SILENT for row in rows if row["elements"])


def _unused(unit: Unit) -> tuple[str, ...]:
    """Prefixes of modules whose result the configuration itself throws away: where features are taken from a layer of the vision
    tower before its last (`vision_feature_layer`), what comes after that layer is computed for nothing."""
    chosen = getattr(unit.config, "vision_feature_layer", None)
    count = getattr(getattr(unit.config, "vision_config", None), "num_hidden_layers", None)
    if chosen is None or not isinstance(count, int):
        return ()
    indices = chosen if isinstance(chosen, (list, tuple)) else [chosen]
    # Hidden states begin with the embedding's: the one at index i is the output of layer i - 1.
    last = max(index if index >= 0 else count + 1 + index for index in indices)
    towers = [name.removesuffix(".0") for name, _ in unit.model.named_modules() if name.endswith(".layers.0") or name.endswith(".layer.0")]
    towers = [name for name in towers if "vision" in name]
    layers = tuple(f"{tower}.{layer}." for tower in towers for layer in range(last, count))
    after = tuple(f"{tower.split('.')[0]}.post_layernorm" for tower in towers) if last < count else ()
    return layers + after


def effects(unit: Unit) -> dict[str, float]:
    """For each parameter that a backward can reach: the root mean square change of a random projection of all outputs when the
    tensor changes by 1 % of each element, over the size of that projection. One backward shows it for all tensors at once."""
    if "effects" in unit.__dict__:
        return unit.__dict__["effects"]
    model = unit.model
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.is_floating_point()}
    frozen = [parameter for parameter in parameters.values() if not parameter.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(True)

    def backward(inputs: Tensors) -> float:
        with torch.enable_grad():
            outputs = _differentiable(model(**{name: tensor.clone() for name, tensor in inputs.items()}))
            generator = torch.Generator().manual_seed(unit.seed)
            total = torch.zeros(())
            size = 0.0
            for tensor in outputs:
                clean = torch.where(tensor.isfinite(), tensor, torch.zeros_like(tensor))
                total = total + (clean * torch.randn(tensor.shape, generator=generator)).sum()
                size += float(clean.detach().pow(2).sum())
            if total.requires_grad:
                total.backward()
        return size

    try:
        size = sum(of_subject(partial(backward, inputs)) for inputs in unit.variants) ** 0.5
        effect = {}
        for name, parameter in parameters.items():
            gradient = parameter.grad
            value = 0.0 if gradient is None else CHANGE * float((gradient * parameter.detach()).norm()) / max(size, 1e-30)
            effect[name] = value if value == value else 0.0
    finally:
        for parameter in parameters.values():
            parameter.grad = None
        for parameter in frozen:
            parameter.requires_grad_(False)
    unit.__dict__["effects"] = effect
    return effect


def _differentiable(output: object) -> list[torch.Tensor]:
    return [tensor for _, tensor in walk(output) if tensor.is_floating_point() and tensor.requires_grad]


OBSERVERS = {"sensitivity.input": of_input, "sensitivity.weights": of_weights}
