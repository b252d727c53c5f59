"""Group `batch`: a row doesn't care about its neighbours, its place or its padding."""

from __future__ import annotations

from typing import Any

import torch

from assay.checks.unit import Tensors, Unit
from assay.observation import Observation
from assay.subjects import CONTENT, InputSpec, join_rows, rows_of

PADDING = 3
"""Tokens of padding on one side."""
MOST_NOISE = 4
FEW = 10
"""Elements. The root mean square of so many normal errors is a quarter of what is expected once in fifty thousand times (chi squared); of
one, once in five."""
PADDED_ROLES = ("tokens", "attention_mask", "token_types")


Alone = list[tuple[Tensors, Tensors | None]]
"""Outputs of each row by itself, and those of the oracle."""


def rows(unit: Unit) -> Observation:
    """Each row of the batch against the run of that row alone; of the further sets of inputs those that bring something of their own."""
    seen = Observation()
    _compare_rows(seen, unit, "", unit.reference, unit.reference64, unit.alone)
    known = _content(unit.specs)
    for name, (specs, inputs) in list(zip(unit.variant_names, unit.fed, strict=True))[1:]:
        if _content(specs) - known:
            known |= _content(specs)
            _compare_rows(seen, unit, f" for {name}", unit.forward(inputs), unit.forward64(inputs), unit.each_alone(specs, inputs))
    note_oracle(seen, unit)
    return seen


def _content(specs: list[InputSpec]) -> set[str]:
    return {spec.name for spec in specs if spec.role in CONTENT}


def _compare_rows(seen: Observation, unit: Unit, how: str, outputs: Tensors, outputs64: Tensors | None, each: Alone) -> None:
    batch = len(each)
    joined, joined64 = _joined(outputs, each), _joined(outputs64 or {}, each)
    for row, (alone, alone64) in enumerate(each):
        lost = {f"{name}, row {row}{how}": its for name, its in alone.items() if name not in joined and its.ndim}
        seen.compare_outputs({}, lost)
        for name, together in joined.items():
            label = f"{name}, row {row}{how}"
            if name not in alone or together.ndim != alone[name].ndim:
                # A batch of one that loses a dimension or an output: the classical `squeeze`.
                seen.compare_outputs({label: alone[name]} if name in alone else {}, {label: together})
                continue
            axis = _axis(name, together, alone[name], batch)
            if axis is None or not together.numel():
                continue
            in_parts = _in_parts(name, together, axis, unit, each)
            result = _split(together, axis, batch, in_parts=in_parts).select(axis, row)
            seen.compare(label, result, alone[name], (alone64 or {}).get(name))
            if together.is_floating_point() and name in joined64 and joined64[name].shape == together.shape:
                exact = _split(joined64[name], axis, batch, in_parts=in_parts).select(axis, row)
                _widen(seen.fields["comparisons"][-1], float((result.double() - exact).pow(2).mean().sqrt()))


def _widen(row: dict[str, Any], noise: float) -> None:
    """The reference's own error, of which one row alone is a small sample, is at least that of the batch against its float64 run: both
    have whatever bug the batch has, so that only rounding is left. At most four times as much: beyond, the float64 run went another way.
    The error of one or two numbers is luck, and may be a hundred times too small; there the rule sees an oracle that went astray."""
    if row.get("oracle") and noise == noise:
        own = row["oracle"]["reference"]
        row["oracle"]["reference"] = max(own, noise if row["elements"] < FEW else min(noise, MOST_NOISE * own))


def order(unit: Unit) -> Observation:
    """The batch in reverse order."""
    seen = Observation()
    reversed_inputs = {spec.name: join_rows(spec, rows_of(spec, unit.inputs[spec.name], unit.batch)[::-1]) for spec in unit.specs}
    turned = _joined(unit.forward(reversed_inputs), unit.alone)
    straight64 = _joined(unit.reference64 or {}, unit.alone)
    batch = len(unit.alone)
    for name, straight in _joined(unit.reference, unit.alone).items():
        # A row by itself may be shorter: rows of a batch are as long as the longest of them.
        axes = (_axis(name, straight, alone[name], batch) for alone, _ in unit.alone if name in alone)
        axis = next((axis for axis in axes if axis is not None), None)
        if name not in turned or turned[name].shape != straight.shape:
            seen.compare_outputs({f"{name}, reversed": turned[name]} if name in turned else {}, {f"{name}, reversed": straight})
        elif axis is not None and straight.numel():
            result = _turn(turned[name], axis, batch, in_parts=_in_parts(name, straight, axis, unit, unit.alone))
            seen.compare(f"{name}, reversed", result, straight, straight64.get(name))
    note_oracle(seen, unit)
    return seen


def _joined(outputs: Tensors, each: Alone) -> Tensors:
    """A tuple that has as many entries more as there are rows more (one for each image) is laid end to end, under the names of a single
    row's entries."""
    alone, batch = each[0][0], len(each)
    joined = dict(outputs)
    for name, tensor in alone.items():
        stem, _, number = name.rpartition(".")
        if not stem or not number.isdigit() or not tensor.ndim:
            continue
        each = _entries(alone, stem)
        if _entries(outputs, stem) != batch * each:
            continue
        entries = [outputs.get(f"{stem}.{row * each + int(number)}") for row in range(batch)]
        if any(entry is None or entry.shape != tensor.shape for entry in entries):
            continue
        joined |= {name: torch.cat([entry for entry in entries if entry is not None])}
        for row in range(1, batch):
            joined.pop(f"{stem}.{row * each + int(number)}", None)
    return joined


def _entries(outputs: Tensors, stem: str) -> int:
    """How many entries a tuple has."""
    return sum(name.rpartition(".")[0] == stem for name in outputs)


def _axis(name: str, together: torch.Tensor, alone: torch.Tensor, batch: int) -> int | None:
    """The axis along which an output lays its rows: the only one whose length changes with the batch, and as much. None for an output
    of the batch, not of a row: a loss (though some repeat it for each row), a similarity of all rows with all rows."""
    if together.ndim != alone.ndim or name.rpartition(".")[2] == "loss":
        return None
    longer = [axis for axis in range(together.ndim) if together.shape[axis] != alone.shape[axis]]
    if len(longer) == 1 and together.shape[longer[0]] == batch * alone.shape[longer[0]]:
        return longer[0]
    return None


def _in_parts(name: str, together: torch.Tensor, axis: int, unit: Unit, each: Alone) -> bool:
    """Whether the rows of an output lie in several parts, each with one place of every row (all images, then all prompts), not with all
    places of a row side by side (scores of a router, one per token): of a design that is known to have such outputs, those to which the
    single runs are nearer so. Of another, rows that lie so are mixed up."""
    if "rows_together" in (unit.recipe or {}).get("facts", {}).get("has", ["rows_together"]):
        return False
    alone = [outputs[name] for outputs, _ in each if name in outputs]
    batch, length = len(each), alone[0].shape[axis]
    if length == 1 or any(tensor.shape != alone[0].shape for tensor in alone) or len(alone) < batch:
        return False
    expected = torch.stack(alone, axis).double()
    apart = [(_split(together, axis, batch, in_parts=parts).double() - expected).abs().nan_to_num().sum() for parts in (False, True)]
    return bool(apart[1] < apart[0])


def _split(tensor: torch.Tensor, axis: int, batch: int, *, in_parts: bool) -> torch.Tensor:
    """The tensor with an axis of rows before that of their places."""
    return tensor.unflatten(axis, (-1, batch)).transpose(axis, axis + 1) if in_parts else tensor.unflatten(axis, (batch, -1))


def _turn(tensor: torch.Tensor, axis: int, batch: int, *, in_parts: bool) -> torch.Tensor:
    """The rows in reverse order, where they lay."""
    if in_parts:
        return tensor.unflatten(axis, (-1, batch)).flip(axis + 1).flatten(axis, axis + 1)
    return tensor.unflatten(axis, (batch, -1)).flip(axis).flatten(axis, axis + 1)


def right_padding(unit: Unit) -> Observation:
    """Padding behind the tokens, under the mask."""
    padded = {name: pad(unit, name, tensor, left=False) for name, tensor in unit.inputs.items()}
    return _compare(unit, padded, unit.reference, unit.reference64, left=False)


def left_padding(unit: Unit) -> Observation:
    """Padding before the tokens, under the mask. Both runs get the position ids that the mask gives: what a model makes of a mask
    without them (some count from another number than 0) is not the point here."""
    padded = {name: pad(unit, name, tensor, left=True) for name, tensor in unit.inputs.items()}
    mask = next(spec.name for spec in unit.specs if spec.role == "attention_mask")
    straight = {**unit.inputs, "position_ids": _positions(unit.inputs[mask])}
    padded["position_ids"] = _positions(padded[mask])
    return _compare(unit, padded, unit.forward(straight), unit.forward64(straight), left=True)


def _positions(mask: torch.Tensor) -> torch.Tensor:
    return (mask.cumsum(-1) - 1).clamp(min=0)


def pad(unit: Unit, name: str, tensor: torch.Tensor, *, left: bool) -> torch.Tensor:
    spec = next((spec for spec in unit.specs if spec.name == name), None)
    if spec is None or spec.role not in PADDED_ROLES:
        return tensor
    more = _padding(spec, tensor, unit)
    return torch.cat([more, tensor] if left else [tensor, more], dim=1)


def _padding(spec: InputSpec, tensor: torch.Tensor, unit: Unit) -> torch.Tensor:
    """Ordinary tokens under a mask of zeros: what a model must not see should be worth seeing. A head that pools a decoder's last token
    reads no mask, and knows padding by its token alone."""
    if spec.role != "tokens":
        return tensor.new_zeros(tensor.shape[0], PADDING, *tensor.shape[2:])
    if "SequenceClassification" in type(unit.model).__name__ and unit.has & {"causal", "bidirectional"} == {"causal"}:
        padding = getattr(unit.config.get_text_config(), "pad_token_id", None)
        if padding is not None:
            return torch.full_like(tensor[:, :PADDING], padding)
    return unit.redraw(spec, unit.seed + 11)[:, -PADDING:]


def _compare(unit: Unit, padded: Tensors, straight: Tensors, straight64: Tensors | None, *, left: bool) -> Observation:
    """Outputs along the tokens without the padding; the others as they are, but for padding on the left, where a pooled first token
    is another one (not where a decoder has tokens of its own, which nothing moves)."""
    seen = Observation()
    moves = left and not any(spec.role == "decoder_tokens" for spec in unit.specs)
    outputs = unit.forward(padded)
    for name, reference in straight.items():
        if name not in outputs:
            seen.compare_outputs({}, {name: reference})
            continue
        result = _unpadded(outputs[name], reference, left=left, moves=moves)
        if result is None or not reference.numel():
            continue
        seen.compare(name, result, reference, (straight64 or {}).get(name))
    note_oracle(seen, unit)
    return seen


def _unpadded(tensor: torch.Tensor, reference: torch.Tensor, *, left: bool, moves: bool) -> torch.Tensor | None:
    if tensor.shape == reference.shape:
        return None if moves else tensor
    longer = tensor.ndim == reference.ndim > 1 and tensor.shape[1] == reference.shape[1] + PADDING
    if not longer or tensor.shape[2:] != reference.shape[2:]:
        return None
    return tensor[:, PADDING:] if left else tensor[:, :-PADDING]


def note_oracle(seen: Observation, unit: Unit) -> None:
    if unit.oracle_lacking is not None:
        seen.note(f"no float64 run to compare with: {unit.oracle_lacking}")


OBSERVERS = {
    "batch.rows": rows,
    "batch.order": order,
    "batch.right_padding": right_padding,
    "batch.left_padding": left_padding,
}
