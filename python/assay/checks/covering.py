"""Group `attention` over other things than text: what a mask over an image, a sound or the states of an encoder hides.

Half of the last row is hidden, and the last quarter of it drawn anew; the first quarter of every output must stay. Attention that ignores
the mask moves all of it. By design a convolution or a norm over time looks over the border as well, and attention spreads what it saw: so
the first three quarters of what such a step says are put back. Not if what it was given had moved there already: what comes behind a bug
excuses nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from assay.checks.batch import note_oracle
from assay.checks.unit import Tensors, Unit
from assay.observation import Observation
from assay.subjects import TEXT, InputSpec, covered

FIRST, HALF, LAST = 0.25, 0.5, 0.75
FEWEST = 4
"""A sound of fewer frames has none that lies wholly in its last quarter."""
MOVED = 1e-5
"""A step whose input moves by more than this share of its size has seen what is hidden: a hundred times float32's noise (FACTS.md)."""
F = torch.nn.functional
BESIDE: dict[Callable, int] = {
    **dict.fromkeys((F.conv1d, F.conv_transpose1d, F.avg_pool1d, F.max_pool1d), 1),
    **dict.fromkeys((F.conv2d, F.conv_transpose2d, F.avg_pool2d, F.max_pool2d), 2),
    **dict.fromkeys((F.conv3d, F.conv_transpose3d, F.avg_pool3d, F.max_pool3d), 3),
}
"""Steps that look beside a place, with the number of axes along which they do: the first is that of frames, or of rows of pixels."""
NORMS = (F.group_norm, F.instance_norm)
"""Those that look at all places, which lie behind the channels."""
IN_PLACE = (torch.Tensor.__setitem__, torch.Tensor.masked_fill_, torch.Tensor.mul_, torch.Tensor.__imul__)
ZEROING = (*IN_PLACE, torch.Tensor.masked_fill, torch.masked_fill, torch.Tensor.mul, torch.Tensor.__mul__, torch.mul)
"""Steps by which a model sets to zero what is hidden."""


def of_covered(unit: Unit) -> Observation:
    """The first quarter of every output, when the last quarter of what a mask covers is another."""
    seen = Observation()
    fed = dict(zip(unit.variant_names, unit.fed, strict=True))
    for variant, mask, spec in covered(unit.recipe, unit.architecture):
        specs, inputs = fed[variant]
        texts = {other.shape[0] for other in specs if other.role in TEXT}
        _compare(seen, unit, inputs, mask, spec, texts)
    note_oracle(seen, unit)
    return seen


def _compare(seen: Observation, unit: Unit, inputs: Tensors, mask: InputSpec, spec: InputSpec, texts: set[int]) -> None:
    size = max(mask.shape)
    hidden = half_hidden(unit, inputs, mask)
    other = inputs[spec.name].clone()
    axis = spec.shape.index(size)
    _end(other[-1], axis, LAST).copy_(_end(unit.redraw(spec, unit.seed + 5)[-1], axis, LAST))
    unit.model  # noqa: B018 - building it takes such steps as well
    with _Steps() as steps:
        reference = unit.forward(hidden)
    with _Mending(steps.kept, texts, unit.seed):
        changed = unit.forward({**hidden, spec.name: other})
    exact = unit.forward64(hidden) or {}
    # Not a loss, nor what the hidden part attends to itself.
    said = {name: it for name, it in reference.items() if it.is_floating_point() and it.numel() and it.ndim and "attentions" not in name}
    # Rows laid end to end where there is nothing else; beside it, what is said of one row may be by itself.
    for name, tensor in ({name: it for name, it in said.items() if it.shape[0] == unit.batch} or said).items():
        if name not in changed or changed[name].shape != tensor.shape:
            seen.compare_outputs({name: changed[name]} if name in changed else {}, {name: tensor})
            continue
        views = [None if view is None else corner(view, unit.batch) for view in (changed[name], tensor, exact.get(name))]
        seen.compare(f"{name}, the end of {spec.name} hidden by {mask.name}", *views)


def half_hidden(unit: Unit, inputs: Tensors, mask: InputSpec) -> Tensors:
    """The inputs with a mask that hides half of the last row."""
    hiding = inputs.get(mask.name, unit.redraw(mask, unit.seed)).clone()
    end = _end(hiding[-1], mask.shape.index(max(mask.shape)), HALF)
    end.copy_(~end if end.dtype is torch.bool else 1 - end)
    return {**inputs, mask.name: hiding}


def _end(tensor: torch.Tensor, axis: int, share: float) -> torch.Tensor:
    """What lies behind so large a share of an axis."""
    begin = int(tensor.shape[axis] * share)
    return tensor.narrow(axis, begin, tensor.shape[axis] - begin)


def _beginning(tensor: torch.Tensor, axis: int, share: float) -> torch.Tensor:
    return tensor.narrow(axis, 0, max(1, int(tensor.shape[axis] * share)))


def corner(tensor: torch.Tensor, batch: int) -> torch.Tensor:
    """The first quarter of every axis: whichever is that of the frames, it is far before what is hidden. Of rows laid end to end what is
    before the hidden half of the last one."""
    if tensor.shape[0] != batch:
        tensor = _beginning(tensor, 0, 1 - HALF / batch)
    for axis in range(1, tensor.ndim):
        tensor = _beginning(tensor, axis, FIRST)
    return tensor


def _has_moved(tensor: torch.Tensor, before: torch.Tensor) -> bool:
    return bool((tensor - before).norm() > MOVED * before.norm())


def _axis(function: Callable, given: torch.Tensor) -> int | None:
    """The axis of places of what such a step is given: `(batch, places, channels)`, or `(batch, channels, places, …)` before a convolution.
    None of another step."""
    if function in BESIDE:
        return given.ndim - BESIDE[function]
    if function in NORMS or (function in ZEROING and given.ndim == 4):
        return min(2, given.ndim - 1)
    return 1 if given.ndim == 3 and (function is F.linear or function in ZEROING) else None


class _Steps(TorchFunctionMode):
    """Keeps what steps that look beside a place, set some to zero or project states are given and give; in order, by kind and shape."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple, list[tuple[torch.Tensor, torch.Tensor]]] = {}

    def __torch_function__(self, function: Any, types: Any, arguments: tuple = (), keywords: dict | None = None) -> Any:
        del types
        given = arguments[0] if arguments else None
        is_met = isinstance(given, torch.Tensor) and given.is_floating_point() and given.ndim > 1
        if not is_met or _axis(function, given) is None:
            return function(*arguments, **(keywords or {}))
        if function in IN_PLACE:
            before = given.clone()
            output = function(*arguments, **(keywords or {}))
            self.step(function, before, given)
            return output
        return self.step(function, given, function(*arguments, **(keywords or {})))

    def step(self, function: Callable, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        self.kept.setdefault((function, given.shape, output.shape), []).append((given.clone(), output.clone()))
        return output


class _Mending(_Steps):
    """Puts back what those say that look beside a place. And where a model sets what is hidden to zero, draws anew what every projection
    says of it from there on: zeros are attended to like anything else. `texts` are lengths of something else."""

    def __init__(self, kept: dict[tuple, list[tuple[torch.Tensor, torch.Tensor]]], texts: set[int], seed: int) -> None:
        super().__init__()
        self.kept = kept
        self.texts = texts
        self.zeroed: set[int] = set()
        self.generator = torch.Generator().manual_seed(seed)

    def step(self, function: Callable, given: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        left = self.kept.get((function, given.shape, output.shape))
        if not left:
            return output
        before, said = left.pop(0)
        axis = _axis(function, given) or 0
        if _has_moved(_beginning(given, axis, HALF), _beginning(before, axis, HALF)):
            return output
        places = given.shape[axis]
        if function in BESIDE or function in NORMS:
            if places in self.zeroed:
                self.zeroed.add(output.shape[axis])
            is_short = BESIDE.get(function) == 1 and output.shape[axis] < FEWEST
            mended = output.clone()
            _beginning(mended, axis, 1 if is_short else LAST).copy_(_beginning(said, axis, 1 if is_short else LAST))
            return mended
        if function in ZEROING:
            was, is_now, left_over = (_end(tensor[-1], axis - 1, LAST) for tensor in (before, given, output))
            if places not in self.texts and not left_over.any() and _has_moved(is_now, was):
                self.zeroed.add(places)
        elif places in self.zeroed:
            output = output.clone()
            end = _end(output[-1], 0, LAST)
            end += end.pow(2).mean().sqrt() * torch.randn(end.shape, generator=self.generator)
        return output


OBSERVERS = {"attention.covered": of_covered}
