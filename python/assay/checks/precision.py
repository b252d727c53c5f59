"""Group `precision`: half precision is as near to float64 as its rounding allows."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import torch

from assay import subjects
from assay.checks import oracle
from assay.checks.unit import SubjectRaised, Tensors, Unit, of_subject, walk
from assay.observation import Observation
from assay.worker import instructions

LOUD = 300.0
"""Root mean square of what a norm is fed by itself: its square, 90,000, is beyond float16 (65,504), the values themselves are not."""
FAR = 1000
"""How far positions are shifted: bfloat16 has eight bits, and can't count beyond 256."""
MORE = 32
"""How many references more there are where one isn't enough: where rounding may send a row to another expert or another code, the error
of a single reference says nothing of how far rounding can move the output. A result that lies a flip of a coin away from one is missed by
all 32 in two of a thousand such cases (an integral over normal noise), and such cases are one in a hundred."""
DOUBT, FLOOR = 3.0, 4.0
"""More references are made until the result's error is below so many times theirs, and so many epsilons of the output's size: what the
judge's rule allows (`oracle.rs`). With less (2 and 2) grounding-dino took 70 forwards for what the first had settled."""
TURNED = "the shapes of all outputs depend on a choice that rounding alone may turn"
"""Why nothing could be compared."""
EPSILONS = {dtype: torch.finfo(dtype).eps for dtype in (torch.bfloat16, torch.float16)} | {torch.qint8: 2.0**-7}
"""Of a row in eight bits: its largest value has 127 steps."""
LARGEST = {dtype: torch.finfo(dtype).max for dtype in (torch.bfloat16, torch.float16)} | {torch.qint8: torch.inf}
REFUSALS = r"not implemented for '(Half|BFloat16|ComplexHalf|ComplexBFloat16)'|Unsupported dtype (Half|BFloat16)"
"""How PyTorch says that it has no kernel for a type."""


def bfloat16(unit: Unit) -> Observation:
    """The model in bfloat16 against float64."""
    return _of(unit, torch.bfloat16)


def float16(unit: Unit) -> Observation:
    """The model in float16 against float64."""
    return _of(unit, torch.float16)


def _of(unit: Unit, dtype: torch.dtype) -> Observation:
    seen = Observation()
    exact = unit.reference64
    if exact is None:
        seen.note(f"no float64 run to compare with: {unit.oracle_lacking}")
        exact = unit.reference
    if instructions.VARIABLE in os.environ:
        seen.note(f"oneDNN may use {os.environ[instructions.VARIABLE]} at most")
    try:
        half = converted(unit, dtype)
        if dtype in unit.refused:
            seen.note(f"not loaded at the first try: {unit.refused[dtype]}")
        heard = _listen(half)
        results = unit.forward(in_type(unit.inputs, dtype), half)
    except SubjectRaised as exception:
        text = str(exception.original)
        if not re.search(REFUSALS, text):
            raise
        seen.fields["unsupported"] = f"{type(exception.original).__name__}: {text}"[:200]
        return seen
    turning = against_rounded(seen, unit, unit.inputs, results, exact, dtype)
    for name, (arguments, keywords) in heard.items():
        _alone(seen, unit, name, half, arguments, keywords, dtype)
    if not seen.fields["comparisons"]:
        seen.fields["unsupported"] = "; ".join(dict.fromkeys(turning.values())) or TURNED
    return seen


def against_rounded(seen: Observation, unit: Unit, inputs: Tensors, results: Tensors, exact: Tensors, dtype: torch.dtype) -> dict[str, str]:
    """Compares what a model in a shorter type gave out for some inputs with `exact`, its outputs in float64, by the errors of references
    that only store in that type; `torch.qint8` is weights in eight bits. Gives the outputs that are left out by design, with the reason."""
    turning = subjects.turning_outputs(unit.architecture, set(exact))
    for name, reason in turning.items():
        seen.note(f"{name} not compared by design: {reason}")
    exact = {name: right for name, right in exact.items() if right.is_floating_point() and right.numel() and name not in turning}
    rounded = unit.forward(_each(inputs, lambda tensor: _round(tensor, dtype)), _in_steps(unit, dtype))
    references = _until_sure(unit, inputs, dtype, results, rounded, exact)
    for name, right in exact.items():
        others = [outputs[name] for outputs in references if name in outputs]
        alike = [other for other in others if other.shape == right.shape]
        is_alike = name in results and results[name].shape == right.shape
        if is_alike and alike:
            _compare(seen, name, results[name], alike, right, dtype)
        elif len(alike) < len(others) or (name in results and not is_alike and _varies(unit, name)):
            seen.note(f"{name}: its shape depends on a choice that rounding alone may turn")
        else:
            seen.compare_outputs({name: results[name]} if name in results else {}, {name: _stored(right, dtype)})
    return turning


def stays_wide(model: torch.nn.Module, dtype: torch.dtype, name: str) -> bool:
    """Whether the library keeps a weight in float32 where the model is loaded in a half type, by its own word
    (`_keep_in_fp32_modules`)."""
    patterns = getattr(model, "_get_dtype_plan", lambda dtype: {})(dtype)
    return any(re.search(pattern.replace("*", ".*"), name) for pattern in patterns)


def turned_by_rounding(unit: Unit, inputs: Tensors, dtype: torch.dtype, name: str, result: torch.Tensor, exact: torch.Tensor) -> bool:
    """Whether an output of whole numbers, which is not what float64 says, is not in some run that only rounds, either."""
    if result.shape == exact.shape and torch.equal(result, exact):
        return False
    rounded = unit.forward(_each(inputs, lambda tensor: _round(tensor, dtype)), _in_steps(unit, dtype))
    return any(not torch.equal(outputs[name], exact) for outputs in chain([rounded], _more_rounded(unit, inputs, dtype)))


def _varies(unit: Unit, name: str) -> bool:
    """Whether the shape of an output depends on the values that are fed: so many key points are sure enough."""
    shapes = {unit.forward(inputs)[name].shape for inputs in (unit.other_inputs, unit.third_inputs)}
    return shapes != {unit.reference[name].shape}


def _until_sure(unit: Unit, inputs: Tensors, dtype: torch.dtype, results: Tensors, rounded: Tensors, exact: Tensors) -> list[Tensors]:
    """References, the first alone unless it leaves a doubt; then more, until one of them goes as far from float64 as the result."""
    references = [rounded]
    doubtful = {name for name, right in exact.items() if name in results and _is_doubtful(results[name], rounded.get(name), right, dtype)}
    more = _more_rounded(unit, inputs, dtype)
    while doubtful and len(references) <= MORE:
        references.append(next(more))
        doubtful = {name for name in doubtful if _is_doubtful(results[name], references[-1].get(name), exact[name], dtype)}
    return references


def _is_doubtful(result: torch.Tensor, reference: torch.Tensor | None, exact: torch.Tensor, dtype: torch.dtype) -> bool:
    if reference is None or result.shape != exact.shape:
        return reference is None or reference.shape != result.shape
    if reference.shape != exact.shape:
        return False
    exact, result, reference = _in_range(exact, result, [reference], dtype)
    allowed = DOUBT * _error(reference, exact) + FLOOR * EPSILONS[dtype] * float(exact.pow(2).mean().sqrt())
    return not _error(result, exact) <= allowed


def _error(tensor: torch.Tensor, exact: torch.Tensor) -> float:
    return float((tensor.double() - exact).pow(2).mean().sqrt())


def _in_range(exact: torch.Tensor, result: torch.Tensor, references: list[torch.Tensor], dtype: torch.dtype) -> list[torch.Tensor]:
    """All of them, with zeros where float64 or a reference is beyond the type's range: that is infinite by right. Where rounding alone
    turns what is beyond it (the boxes that are chosen, of which some have no bounds) the result may have others there."""
    by_right, *others = [tensor.abs() > LARGEST[dtype] for tensor in (exact, *references)]
    beyond = torch.stack([by_right, *others]).any(0)
    if not torch.equal(beyond, by_right):
        beyond |= result.abs() == torch.inf
    return [torch.where(beyond, 0, tensor) for tensor in (exact, result, *references)]


def _compare(
    seen: Observation, name: str, result: torch.Tensor, references: list[torch.Tensor], exact: torch.Tensor, dtype: torch.dtype
) -> None:
    """One output, all in the half type. The reference's own error is that of the worst of all references."""
    if not result.shape == references[0].shape == exact.shape:
        seen.compare(name, result, references[0].to(result.dtype))
        return
    exact, result, *references = _in_range(exact, result, references, dtype)
    seen.compare(name, _stored(result, dtype), _stored(references[0], dtype), exact)
    row = seen.fields["comparisons"][-1]
    row["dtype"] = str(dtype).removeprefix("torch.")
    errors = [_error(other, exact) for other in references[1:] if other.isfinite().all()]
    if row["oracle"] and errors and max(errors) > row["oracle"]["reference"]:
        if max(errors) > 10 * row["oracle"]["reference"]:
            turned = sum(2 * error > max(errors) for error in errors)
            seen.note(f"{row['label']}: rounding alone turns a choice in {turned} of {len(errors)} runs")
        row["oracle"]["reference"] = max(errors)


def converted(unit: Unit, dtype: torch.dtype) -> torch.nn.Module:
    """The model as the library itself loads it in a half type: some modules stay in float32 by its own word."""

    def load() -> torch.nn.Module:
        state = unit.model.state_dict()
        half = _loaded(unit, state, dtype)
        if half is None:
            if not hasattr(unit.model, "_from_config"):
                return copy.deepcopy(unit.model).to(dtype)
            half = type(unit.model)._from_config(copy.deepcopy(unit.model.config), dtype=dtype)
        # Keys that loading renames are no matter here.
        tensors = half.state_dict()
        with torch.no_grad():
            for name, tensor in state.items():
                if name in tensors and tensors[name].shape == tensor.shape:
                    tensors[name].copy_(tensor)
        half.eval()
        # What a module notes of its own weights goes with them: that they are scaled for inference (RWKV). What the library notes of the
        # module later, that hooks are on it, is of that one alone.
        for name, module in unit.model.named_modules():
            own = half.get_submodule(name)
            for key, noted in vars(module).items():
                if isinstance(noted, bool) and isinstance(vars(own).get(key), bool):
                    setattr(own, key, noted)
        return half

    return of_subject(load)


def _loaded(unit: Unit, state: Tensors, dtype: torch.dtype) -> torch.nn.Module | None:
    """The model loaded; none if it can't be, which is for the group save_load to see. It is tried twice: once in some thousand times what
    loads did not (the library loads with threads), and what it raised is noted (`refused`)."""
    for _ in range(2):
        try:
            return type(unit.model).from_pretrained(None, config=copy.deepcopy(unit.model.config), state_dict=state, dtype=dtype)
        except Exception as exception:
            unit.refused[dtype] = f"{type(exception).__name__}: {exception}"[:200]
    return None


def _each(inputs: Tensors, change: Callable[[torch.Tensor], torch.Tensor]) -> Tensors:
    return {name: change(tensor) if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}


def _in_steps(unit: Unit, dtype: torch.dtype, generator: torch.Generator | None = None) -> torch.nn.Module:
    """The reference at this precision: float32 within each module, and what is stored (weights, what goes from module to module) rounded
    to the half type. With a generator what goes from module to module is rounded up or down by chance."""
    model = copy.deepcopy(unit.model)
    oracle.clear_caches(model)
    with torch.no_grad():
        for tensor in model.parameters() if dtype == torch.qint8 else [*model.parameters(), *model.buffers()]:
            if tensor.dtype == torch.float32:
                tensor.copy_(_in_eight_bits(tensor, generator) if dtype == torch.qint8 else _round(tensor, dtype))
    if dtype == torch.qint8:
        return model
    for module in model.modules():
        module.register_forward_hook(lambda module, inputs, output: _map(output, lambda tensor: _round(tensor, dtype, generator)))
    return model


def _more_rounded(unit: Unit, inputs: Tensors, dtype: torch.dtype) -> Iterator[Tensors]:
    """Outputs for other ways of rounding."""
    generator = torch.Generator().manual_seed(unit.seed)
    model = _in_steps(unit, dtype, generator)
    for _ in range(MORE):
        if dtype == torch.qint8:
            model = _in_steps(unit, dtype, generator)
        oracle.clear_caches(model)
        yield unit.forward(_each(inputs, lambda tensor: _round(tensor, dtype, generator)), model)


def _listen(model: torch.nn.Module) -> dict[str, Any]:
    """What norms and tables of positions are called with, one of each kind; filled by a forward."""
    heard: dict[str, Any] = {}
    known: set[Any] = set()
    for name, module in model.named_modules():
        kind = (type(module), *(parameter.shape for parameter in module.parameters()))
        if _is_heard(module) and kind not in known:
            known.add(kind)
            module.register_forward_pre_hook(partial(_hear, heard, name), with_kwargs=True)
    return heard


def _round(tensor: torch.Tensor, dtype: torch.dtype, generator: torch.Generator | None = None) -> torch.Tensor:
    if tensor.dtype != torch.float32 or dtype == torch.qint8:
        return tensor
    if generator is not None:  # to the next number above or below, the nearer one more often
        tensor = tensor * (1 + torch.finfo(dtype).eps * (torch.rand(tensor.shape, generator=generator) - 0.5))
    return tensor.to(dtype).float()


def _in_eight_bits(weight: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """A weight of which each row has a scale of its own and 255 values; with a generator it is rounded up or down by chance. What is no
    matrix stays as it is."""
    if weight.ndim < 2:
        return weight
    rows = weight.flatten(1)
    scale = rows.abs().amax(1, keepdim=True).clamp(min=torch.finfo(weight.dtype).tiny) / 127
    steps = rows / scale
    if generator is not None:
        steps = steps + torch.rand(steps.shape, generator=generator) - 0.5
    return (steps.round() * scale).reshape(weight.shape)


def _stored(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """In the type; what eight-bit weights give out has 32 bits."""
    return tensor.to(torch.float32 if dtype == torch.qint8 else dtype)


def in_type(inputs: Tensors, dtype: torch.dtype) -> Tensors:
    """Inputs for a model in that type."""
    return _each(inputs, lambda tensor: _stored(tensor, dtype))


def _map(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Nested tuples, lists and dictionaries with their tensors changed; what else there is stays."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        for key, item in list(value.items()):
            value[key] = _map(item, change)
        return value
    if type(value) in (tuple, list):
        return type(value)(_map(item, change) for item in value)
    return value


def _is_heard(module: torch.nn.Module) -> bool:
    """Norms and rotary embeddings that are written in Python; those of PyTorch itself upcast in their kernels."""
    name = type(module).__name__.lower()
    if type(module).__module__.startswith("torch.") or any(True for _ in module.children()):
        return False
    return "norm" in name or "rotary" in name


def _hear(heard: dict[str, Any], name: str, module: torch.nn.Module, arguments: tuple, keywords: dict) -> None:
    if name not in heard:
        heard[name] = (_map(arguments, torch.clone), _map(dict(keywords), torch.clone))


def _alone(seen: Observation, unit: Unit, name: str, half: torch.nn.Module, arguments: tuple, keywords: dict, dtype: torch.dtype) -> None:
    """A norm that is fed loudly, or a table at far positions."""
    module = unit.model.get_submodule(name)
    is_norm = "norm" in type(module).__name__.lower()

    def drive(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_floating_point() and is_norm:
            size = float(tensor.double().pow(2).mean().sqrt())
            return tensor * (LOUD / size) if size else tensor
        if not tensor.is_floating_point() and tensor.dtype == torch.int64 and not is_norm:
            return tensor + FAR
        return tensor

    first = _map(arguments[:1], drive) if is_norm else _map(arguments, drive)
    arguments = (*first, *arguments[1:]) if is_norm else first
    keywords = keywords if is_norm and arguments else _map(copy.copy(keywords), drive)

    def run(module: torch.nn.Module, change: Callable[[torch.Tensor], torch.Tensor]) -> Tensors:
        with torch.no_grad():
            given = _map(copy.copy(keywords), change)
            return {key: tensor.clone() for key, tensor in walk(module(*_map(arguments, change), **given))}

    def as_float(to: torch.dtype) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda tensor: tensor.to(to) if tensor.is_floating_point() else tensor

    wide = copy.deepcopy(unit.model64.get_submodule(name))
    with oracle.all_wide():
        exact = run(wide, as_float(torch.float64))
    rounded = {key: _round(tensor, dtype) for key, tensor in run(copy.deepcopy(module), as_float(torch.float32)).items()}
    result = of_subject(lambda: run(half.get_submodule(name), torch.clone))
    for key, right in exact.items():
        if key in result and right.numel() and right.is_floating_point():
            _compare(seen, f"{name} alone, {'loud' if is_norm else 'far'}: {key}", result[key], [rounded[key]], right, dtype)


OBSERVERS = {"precision.bfloat16": bfloat16, "precision.float16": float16}
