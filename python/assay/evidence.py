"""Evidence that a real model ran: layers captured during its own forward, for the judge to compute again.

What is captured and why is said in `crates/assay-model/src/evidence.rs`; how it is examined in `assay-judge`, `proof.rs`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
import transformers
from transformers.pytorch_utils import Conv1D

from assay import raised
from assay.weights.generator import words

PICKS = 6
COLUMNS = 16
SKETCH = 64
FILES = {"torch": torch.__file__, "transformers": transformers.__file__}
"""Where the libraries were imported from, before any preload ran."""


def show(unit: Any) -> dict[str, Any]:
    """The `Evidence` of a unit (`assay.checks.unit.Unit`)."""
    shown: dict[str, Any] = {
        "model_class": "",
        "eligible": [],
        "first": [],
        "second": [],
        "sketches": [],
        "devices": [],
        "lacking": None,
        "raised": None,
    }
    shown["lacking"] = _substituted()
    if shown["lacking"]:
        return shown
    from assay.checks.unit import SubjectRaised

    try:
        model = unit.model
        if not isinstance(model, torch.nn.Module):
            shown["lacking"] = f"the model is a {_class(model)}, not a torch.nn.Module"
            return shown
        _show_model(unit, model, shown)
    except SubjectRaised as exception:
        shown["raised"] = raised.describe(exception.original, "subject")
    return shown


def _show_model(unit: Any, model: torch.nn.Module, shown: dict[str, Any]) -> None:
    shown["model_class"] = _class(model)
    shown["devices"] = sorted({parameter.device.type for parameter in model.parameters()})
    called: list[str] = []
    handles = [
        module.register_forward_hook(lambda *_, name=name: called.append(name)) for name, module in model.named_modules() if _kind(module)
    ]
    first = unit.forward(unit.inputs)
    for handle in handles:
        handle.remove()
    shown["eligible"] = sorted(set(called))
    picked = _picks(shown["eligible"], unit.nonce)
    captured, again = _capture(model, picked, lambda: unit.forward(unit.inputs))
    shown["first"] = captured
    shown["second"], other_input = _capture(model, picked, lambda: unit.forward(unit.other_inputs))
    del again
    if unit.is_filled:
        unit.fill(unit.second_nonce)
        other_weights = unit.forward(unit.inputs)
        unit.fill(unit.nonce)
    else:
        other_weights = unit.forward(unit.third_inputs)
    for of, outputs in (("first", first), ("other_input", other_input), ("other_weights", other_weights)):
        shown["sketches"].append({"of": of, "values": _sketch(outputs)})
    if not first:
        shown["lacking"] = "the output holds no tensor"


def _substituted() -> str | None:
    """A library that something else was put in place of, in words."""
    for name, file in FILES.items():
        current = sys.modules.get(name)
        if not isinstance(current, ModuleType) or getattr(current, "__file__", None) != file:
            return f"`{name}` in this worker is a {_class(current)}, not the library that was imported first"
    return None


def _class(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _kind(module: torch.nn.Module) -> str | None:
    """The `LayerKind` of a module whose arithmetic the judge knows; exact types only, since a subclass may do more."""
    kind = type(module)
    if kind is torch.nn.Linear:
        return "linear"
    if kind is Conv1D:
        return "conv1d"
    if kind is torch.nn.Embedding and module.max_norm is None:
        return "embedding"
    if kind in (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d) and module.groups == 1 and module.padding_mode == "zeros":
        return "convolution" if not isinstance(module.padding, str) else None
    return None


def _picks(eligible: list[str], nonce: int) -> list[str]:
    if not eligible:
        return []
    drawn = words(nonce, "assay.evidence", PICKS)
    return [eligible[i] for i in sorted({int(word) % len(eligible) for word in drawn})]


def _capture(
    model: torch.nn.Module, picked: list[str], forward: Callable[[], dict[str, torch.Tensor]]
) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
    """The first call of each picked layer during one forward, and the forward's outputs."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    captured: dict[str, dict[str, Any]] = {}

    def hook(module: torch.nn.Module, arguments: tuple[Any, ...], output: torch.Tensor, name: str) -> None:
        if name not in captured and arguments and isinstance(arguments[0], torch.Tensor):
            captured[name] = _layer(name, module, arguments[0], output, names)

    handles = [model.get_submodule(name).register_forward_hook(lambda module, a, o, name=name: hook(module, a, o, name)) for name in picked]
    try:
        outputs = forward()
    finally:
        for handle in handles:
            handle.remove()
    return [captured[name] for name in picked if name in captured], outputs


def _layer(name: str, module: Any, argument: torch.Tensor, output: torch.Tensor, names: dict[int, str]) -> dict[str, Any]:
    """The `CapturedLayer` of one call, at one position."""
    kind = _kind(module)
    if kind == "embedding":
        position = argument.numel() // 2
        vector = argument.reshape(-1)[position : position + 1]
        result = output.reshape(-1, output.shape[-1])[position]
    elif kind == "convolution":
        vector, result = _patch(module, argument, output)
    else:
        rows = argument.reshape(-1, argument.shape[-1])
        vector, result = rows[rows.shape[0] // 2], output.reshape(-1, output.shape[-1])[rows.shape[0] // 2]
    step = max(1, result.numel() // COLUMNS)
    columns = list(range(0, result.numel(), step))[:COLUMNS]
    bias = getattr(module, "bias", None)
    return {
        "layer": name,
        "kind": kind,
        "weight": names.get(id(module.weight), f"{name}.weight"),
        "shape": list(module.weight.shape),
        "bias": None if bias is None else names.get(id(bias), f"{name}.bias"),
        "input": [float(value) for value in vector.detach().float()],
        "columns": columns,
        "output": [float(value) for value in result.detach().float()[columns]],
    }


def _patch(module: Any, argument: torch.Tensor, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The patch of the padded input that one output position in the middle sees, flattened (channel, kernel…)."""
    dimensions = len(module.kernel_size)
    if argument.ndim == dimensions + 1:  # without a batch
        argument, output = argument[None], output[None]
    padding = [amount for pad in reversed(module.padding) for amount in (pad, pad)]
    padded = torch.nn.functional.pad(argument, padding)[0]
    position = [size // 2 for size in output.shape[2:]]
    for axis in range(dimensions):
        start = position[axis] * module.stride[axis]
        taps = torch.arange(module.kernel_size[axis]) * module.dilation[axis] + start
        padded = padded.index_select(axis + 1, taps)
    return padded.reshape(-1), output[(0, slice(None), *position)]


def _sketch(outputs: dict[str, torch.Tensor]) -> list[float]:
    """Values at fixed positions over all floating outputs; the same positions each time since shapes are the same."""
    floating = [tensor.detach().float().reshape(-1) for tensor in outputs.values() if tensor.is_floating_point() and tensor.numel()]
    if not floating:
        return []
    share = max(1, SKETCH // len(floating))
    values = [tensor[:: max(1, tensor.numel() // share)][:share] for tensor in floating]
    joined = torch.cat(values)[:SKETCH]
    return [float(value) for value in joined if value.isfinite()]
