"""Group `workflow`: what flows between the models of a chain."""

from __future__ import annotations

import torch

from assay.checks.unit import Tensors, Unit
from assay.observation import Observation
from assay.subjects import join_rows, rows_of
from assay.subjects.chain import Flow

OTHER = 1_000
"""Added to the seed for inputs that are drawn again."""


def fits(unit: Unit) -> Observation:
    """What each link gives has the shape and type that the next one takes, whole numbers lie in its table, the others are finite."""
    seen = Observation()
    flows = _flows(unit)
    misfits = [f"{flow.name}: {_said(flow)}, not {_wanted(flow)}" for flow in flows if _said(flow) != _wanted(flow)]
    seen.tally("shapes and types as the next link takes them", len(flows) - len(misfits), len(flows), misfits)
    for flow in flows:
        if flow.below is None:
            seen.tally(f"finite elements of {flow.name}", int(flow.tensor.isfinite().sum()), flow.tensor.numel())
        else:
            inside = (flow.tensor >= 0) & (flow.tensor < flow.below)
            seen.tally(f"tokens of {flow.name} in the vocabulary", int(inside.sum()), flow.tensor.numel())
    return seen


def moves(unit: Unit) -> Observation:
    """All that flows, where all that comes in is drawn again; and the results, where one of it is."""
    seen = Observation()
    redrawn = {spec.name: unit.redraw(spec, unit.seed + OTHER) for spec in unit.specs}
    moved = unit.forward(redrawn)
    for name, tensor in unit.reference.items():
        seen.compare(name, moved[name], tensor)
    if len(redrawn) > 1:
        results = [flow.name for flow in _flows(unit) if flow.is_result]
        for fed, tensor in redrawn.items():
            moved = unit.forward({**unit.inputs, fed: tensor})
            # What comes of one input alone on the way need not move with another.
            name = max(results, key=lambda name, moved=moved: _movement(moved[name], unit.reference[name]))
            seen.compare(f"{name}, another {fed}", moved[name], unit.reference[name])
            last = results[-1]
            if last != name:
                seen.compare(f"{last}, another {fed}", moved[last], unit.reference[last])
    return seen


def used(unit: Unit) -> Observation:
    """What a link hands on reaches the next one with its rows in another order: of what comes later, that which moves most."""
    seen = Observation()
    names = list(unit.reference)
    for flow in _flows(unit):
        if flow.is_result:
            continue
        moved = _swapped(unit, flow.name)
        later = names[names.index(flow.name) + 1 :]
        name = max(later, key=lambda name, moved=moved: _movement(moved[name], unit.reference[name]))
        seen.compare(f"{name}, rows of {flow.name} swapped", moved[name], unit.reference[name])
    return seen


def order(unit: Unit) -> Observation:
    """The rows in reverse order."""
    seen = Observation()
    turned = unit.forward({spec.name: join_rows(spec, rows_of(spec, unit.inputs[spec.name], unit.batch)[::-1]) for spec in unit.specs})
    straight64 = unit.reference64 or {}
    for flow in _flows(unit):
        axes = (0, 1) if flow.crossed else (0,)
        seen.compare(f"{flow.name}, reversed", turned[flow.name].flip(axes), unit.reference[flow.name], straight64.get(flow.name))
    return seen


def drafted(unit: Unit) -> Observation:
    """What a verifier writes with a draft, against what it writes alone. In float64, where no two tokens are as likely as each other."""
    seen = Observation()
    answers = unit.reference64
    if answers is None:
        seen.note(f"in float32: {unit.oracle_lacking}")
        answers = unit.reference
    for name, tensor in answers.items():
        if name.startswith("verifier.drafted"):
            seen.compare(name, tensor, answers["verifier.alone"])
    return seen


def _flows(unit: Unit) -> list[Flow]:
    """What flowed in the reference run."""
    if "flows" not in unit.__dict__:
        reference = unit.reference
        kept = {flow.name: flow for flow in unit.model.flows}
        unit.__dict__["flows"] = [kept[name] for name in reference]
    return unit.__dict__["flows"]


def _swapped(unit: Unit, name: str) -> Tensors:
    unit.model.swapped = name
    try:
        return unit.forward(unit.inputs)
    finally:
        unit.model.swapped = None


def _said(flow: Flow) -> str:
    return f"{list(flow.tensor.shape)} of {flow.tensor.dtype}"


def _wanted(flow: Flow) -> str:
    return f"{list(flow.shape)} of {flow.dtype}"


def _movement(moved: torch.Tensor, reference: torch.Tensor) -> float:
    """How far it moved, by its own size; another shape is the furthest."""
    if moved.shape != reference.shape:
        return float("inf")
    difference = (moved.double() - reference.double()).pow(2).mean().sqrt()
    return float(difference / reference.double().pow(2).mean().sqrt().clamp(min=1e-30))


OBSERVERS = {
    "workflow.fits": fits,
    "workflow.moves": moves,
    "workflow.used": used,
    "workflow.order": order,
    "workflow.drafted": drafted,
}
