"""Group `batch`: a row doesn't care about its neighbours, its place or its padding."""

from __future__ import annotations

import torch

from assay.checks.unit import Tensors, Unit
from assay.observation import Observation
from assay.subjects import InputSpec
from assay.subjects import inputs as subject_inputs

PADDING = 3
"""Tokens of padding on one side."""
PADDED_ROLES = ("tokens", "attention_mask", "token_types")


def rows(unit: Unit) -> Observation:
    """Each row of the batch against the run of that row alone."""
    seen = Observation()
    batch = next(iter(unit.inputs.values())).shape[0]
    together64 = unit.forward64(unit.inputs)
    for row in range(batch):
        alone_inputs = {name: tensor[row : row + 1] for name, tensor in unit.inputs.items()}
        alone, alone64 = unit.forward(alone_inputs), unit.forward64(alone_inputs)
        for name in _per_row(unit.reference, alone, batch):
            exact = together64 and alone64 and (together64[name][row : row + 1], alone64[name])
            seen.compare(f"{name}, row {row}", unit.reference[name][row : row + 1], alone[name], exact or None)
    return seen


def order(unit: Unit) -> Observation:
    """The batch in reverse order."""
    seen = Observation()
    batch = next(iter(unit.inputs.values())).shape[0]
    turned = unit.forward({name: tensor.flip(0) for name, tensor in unit.inputs.items()})
    turned64 = unit.forward64({name: tensor.flip(0) for name, tensor in unit.inputs.items()})
    straight64 = unit.forward64(unit.inputs)
    alone = unit.forward({name: tensor[:1] for name, tensor in unit.inputs.items()})
    for name in _per_row(unit.reference, alone, batch):
        exact = turned64 and straight64 and (turned64[name].flip(0), straight64[name])
        seen.compare(f"{name}, reversed", turned[name].flip(0), unit.reference[name], exact or None)
    return seen


def _per_row(together: Tensors, alone: Tensors, batch: int) -> list[str]:
    """Outputs that have one entry per row: the batch comes first and nothing else changes with it. (A similarity of all rows with
    all rows is an output of the batch, not of a row.)"""
    return [
        name
        for name, tensor in together.items()
        if name in alone and tensor.ndim > 0 and tensor.numel() and tensor.shape[0] == batch and alone[name].shape == (1, *tensor.shape[1:])
    ]


def right_padding(unit: Unit) -> Observation:
    """Padding behind the tokens, under the mask."""
    padded = {name: _padded(unit, name, tensor, left=False) for name, tensor in unit.inputs.items()}
    return _compare(unit, padded, left=False)


def left_padding(unit: Unit) -> Observation:
    """Padding before the tokens, under the mask, with position ids that the mask gives."""
    padded = {name: _padded(unit, name, tensor, left=True) for name, tensor in unit.inputs.items()}
    mask = next(padded[spec.name] for spec in unit.specs if spec.role == "attention_mask")
    padded["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    return _compare(unit, padded, left=True)


def _padded(unit: Unit, name: str, tensor: torch.Tensor, *, left: bool) -> torch.Tensor:
    spec = next((spec for spec in unit.specs if spec.name == name), None)
    if spec is None or spec.role not in PADDED_ROLES:
        return tensor
    more = _padding(spec, tensor, unit.seed)
    return torch.cat([more, tensor] if left else [tensor, more], dim=1)


def _padding(spec: InputSpec, tensor: torch.Tensor, seed: int) -> torch.Tensor:
    """Ordinary tokens under a mask of zeros: what a model must not see should be worth seeing."""
    if spec.role != "tokens":
        return tensor.new_zeros(tensor.shape[0], PADDING)
    return subject_inputs.draw(spec, seed + 11, tensor.shape[0])[:, -PADDING:]


def _compare(unit: Unit, padded: Tensors, *, left: bool) -> Observation:
    """Outputs along the tokens without the padding; the others as they are, but for padding on the left, where a pooled first token
    is another one."""
    seen = Observation()
    outputs, outputs64 = unit.forward(padded), unit.forward64(padded)
    straight64 = unit.forward64(unit.inputs)

    def unpadded(tensor: torch.Tensor, reference: torch.Tensor) -> torch.Tensor | None:
        if tensor.shape == reference.shape:
            return None if left else tensor
        longer = tensor.ndim > 1 and tensor.shape[1] == reference.shape[1] + PADDING
        if not longer or tensor.shape[2:] != reference.shape[2:]:
            return None
        return tensor[:, PADDING:] if left else tensor[:, :-PADDING]

    for name, reference in unit.reference.items():
        result = unpadded(outputs[name], reference) if name in outputs else None
        if result is None:
            continue
        exact = outputs64 and straight64 and (unpadded(outputs64[name], straight64[name]), straight64[name])
        seen.compare(name, result, reference, exact or None)
    return seen


OBSERVERS = {
    "batch.rows": rows,
    "batch.order": order,
    "batch.right_padding": right_padding,
    "batch.left_padding": left_padding,
}
