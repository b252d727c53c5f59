"""Input and output of one layer at one position, as the judge can compute it again (`CapturedLayer` of `evidence.rs`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.utils import parametrizations, parametrize
from transformers.pytorch_utils import Conv1D

COLUMNS = 16
CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
STANDARDIZED = ("transformers.models.bit.modeling_bit", "WeightStandardizedConv2d")
"""Known by its name, so that a worker that never sees it doesn't import it."""


@dataclass(frozen=True)
class Moment:
    """One call of a layer at one position: `vector` went in (an embedding: the index), `result` came out."""

    layer: str
    kind: str
    details: dict[str, Any]
    weight: str
    shape: tuple[int, ...]
    bias: str | None
    vector: torch.Tensor
    result: torch.Tensor

    def is_finite(self) -> bool:
        """Whether JSON can hold it."""
        return bool(self.vector.isfinite().all()) and bool(self.result.isfinite().all())

    def as_json(self) -> dict[str, Any]:
        """The `CapturedLayer`, with at most 16 columns spread over the output."""
        step = max(1, self.result.numel() // COLUMNS)
        columns = list(range(0, self.result.numel(), step))[:COLUMNS]
        return {
            "layer": self.layer,
            "kind": {self.kind: self.details} if self.details else self.kind,
            "weight": self.weight,
            "shape": list(self.shape),
            "bias": self.bias,
            "input": [float(value) for value in self.vector],
            "columns": columns,
            "output": [float(value) for value in self.result[columns]],
        }


def weights_of(module: torch.nn.Module) -> tuple[torch.nn.Parameter, ...]:
    """The parameters that a layer makes its weight from: the weight, or the direction and the magnitude of a weight norm; none where
    the weight is made anew for each call in another way, since then it has other values than its name says."""
    norm = _weight_norm_of(module)
    if norm is not None:
        return norm.original1, norm.original0
    weight = module._parameters.get("weight")
    return () if weight is None else (weight,)


def kind_of(module: torch.nn.Module) -> str | None:
    """The `LayerKind` of a module whose arithmetic the judge knows; exact types only, since a subclass may do more."""
    weights = weights_of(module)
    if not weights or any(weight.dtype != torch.float32 for weight in weights):
        return None
    kind = parametrize.type_before_parametrizations(module)
    if parametrize.is_parametrized(module):
        return "weight_normed_convolution" if kind in CONVOLUTIONS and _is_one_sum(module) else None
    if kind is torch.nn.Linear:
        return "linear"
    if kind is Conv1D:
        return "conv1d"
    if kind is torch.nn.Embedding and module.max_norm is None:
        return "embedding"
    if kind in CONVOLUTIONS and _is_one_sum(module):
        return "convolution"
    if (kind.__module__, kind.__qualname__) == STANDARDIZED and _is_one_sum(module) and module.pad is None:
        # A frozen one keeps what the library gave it.
        return "standardized_convolution" if module.weight.requires_grad else None
    return None


def _weight_norm_of(module: torch.nn.Module) -> parametrize.ParametrizationList | None:
    """The weight norm that a module's weight alone goes through, each output channel by itself."""
    if not parametrize.is_parametrized(module) or list(module.parametrizations) != ["weight"]:
        return None
    made = module.parametrizations["weight"]
    return made if len(made) == 1 and type(made[0]) is parametrizations._WeightNorm and made[0].dim == 0 else None


def _is_one_sum(module: Any) -> bool:
    """Whether an output of a convolution is a sum over one patch of all channels."""
    return module.groups == 1 and module.padding_mode == "zeros" and _padding(module) is not None


def moment(
    name: str, module: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], output: Any, names: dict[int, str]
) -> Moment | None:
    """One call, at one position; none if it was not on tensors in float32. `names` are those of parameters by identity.
    Copies what it keeps: what comes after the layer may write over its output."""
    kind = kind_of(module)
    argument = arguments[0] if arguments else next(iter(keywords.values()), None)
    if kind is None or not isinstance(argument, torch.Tensor) or not isinstance(output, torch.Tensor):
        return None
    if argument.numel() == 0 or output.numel() == 0 or output.dtype != torch.float32:
        return None
    if (argument.dtype == torch.float32) == (kind == "embedding"):
        return None
    vector, result = _at(kind, module, argument.detach(), output.detach())
    weight, *rest = weights_of(module)
    bias = module._parameters.get("bias")
    return Moment(
        layer=name,
        kind=kind,
        details=_details(kind, module, [names[id(parameter)] for parameter in rest]),
        weight=names[id(weight)],
        shape=tuple(weight.shape),
        bias=None if bias is None else names[id(bias)],
        vector=vector.clone(),
        result=result.clone(),
    )


def _details(kind: str, module: Any, others: list[str]) -> dict[str, Any]:
    """What the arithmetic of a kind rests on besides weight and bias."""
    if kind == "weight_normed_convolution":
        return {"magnitude": others[0]}
    return {"epsilon": module.eps} if kind == "standardized_convolution" else {}


def _at(kind: str, module: Any, argument: torch.Tensor, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if kind.endswith("convolution"):
        return _patch(module, argument, output)
    # The last position: a causal model shows there what it made of all its tokens, where the first of a row shows one token,
    # which two inputs may have in common.
    results = output.reshape(-1, output.shape[-1])
    if kind == "embedding":
        return argument.reshape(-1)[-1:], results[-1]
    return argument.reshape(-1, argument.shape[-1])[-1], results[-1]


def _padding(module: Any) -> tuple[int, ...] | None:
    """Padding at each side; none where the two sides may differ."""
    if not isinstance(module.padding, str):
        return tuple(module.padding)
    # `same` of a single tap adds nothing.
    is_none = module.padding == "valid" or set(module.kernel_size) == {1}
    return (0,) * len(module.kernel_size) if is_none else None


def _patch(module: Any, argument: torch.Tensor, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The patch of the padded input that one output position in the middle sees, flattened (channel, kernel…)."""
    dimensions = len(module.kernel_size)
    if argument.ndim == dimensions + 1:  # without a batch
        argument, output = argument[None], output[None]
    padding = [amount for pad in reversed(_padding(module) or ()) for amount in (pad, pad)]
    padded = torch.nn.functional.pad(argument, padding)[0]
    position = [size // 2 for size in output.shape[2:]]
    for axis in range(dimensions):
        start = position[axis] * module.stride[axis]
        taps = torch.arange(module.kernel_size[axis]) * module.dilation[axis] + start
        padded = padded.index_select(axis + 1, taps)
    return padded.reshape(-1), output[(0, slice(None), *position)]
