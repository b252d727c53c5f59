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


@dataclass(frozen=True)
class Call:
    """One call of a layer whose arithmetic the judge knows: copies of all that went in and came out."""

    layer: str
    module: Any
    kind: str
    argument: torch.Tensor
    output: torch.Tensor

    def moment(self, place: int, names: dict[int, str]) -> Moment:
        """The call at one position of its output. `names` are those of parameters by identity."""
        module = self.module
        vector = _vector(self.kind, module, self.argument, place)
        weight, *rest = weights_of(module)
        bias = module._parameters.get("bias")
        return Moment(
            layer=self.layer,
            kind=self.kind,
            details=_details(self.kind, module, [names[id(parameter)] for parameter in rest]),
            weight=names[id(weight)],
            shape=tuple(weight.shape),
            bias=None if bias is None else names[id(bias)],
            vector=vector.clone(),
            result=self.results()[place].clone(),
        )

    def is_named(self, names: dict[int, str]) -> bool:
        """Whether all parameters that its arithmetic needs have a name."""
        bias = self.module._parameters.get("bias")
        return all(id(parameter) in names for parameter in (*weights_of(self.module), *([] if bias is None else [bias])))

    def results(self) -> torch.Tensor:
        """What came out: shape (positions, columns)."""
        output = _batched(self.module, self.output).movedim(1, -1) if self.kind.endswith("convolution") else self.output
        return output.reshape(-1, output.shape[-1])


def call_of(layer: str, module: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], output: Any) -> Call | None:
    """A call; none if it was not on tensors in float32. What comes after the layer may write over its output: copies are kept."""
    kind = kind_of(module)
    argument = arguments[0] if arguments else next(iter(keywords.values()), None)
    if kind is None or not isinstance(argument, torch.Tensor) or not isinstance(output, torch.Tensor):
        return None
    if argument.numel() == 0 or output.numel() == 0 or output.dtype != torch.float32:
        return None
    if (argument.dtype == torch.float32) == (kind == "embedding"):
        return None
    return Call(layer, module, kind, argument.detach().clone(), output.detach().clone())


def moving(first: Call, second: Call) -> int | None:
    """The last position at which two calls of one layer gave out other values, finite ones; none if there is none, or if shapes differ."""
    if first.argument.shape != second.argument.shape or first.output.shape != second.output.shape:
        return None
    one, other = first.results(), second.results()
    places = ((one != other).any(dim=1) & one.isfinite().all(dim=1) & other.isfinite().all(dim=1)).nonzero()
    return int(places[-1]) if len(places) else None


def _details(kind: str, module: Any, others: list[str]) -> dict[str, Any]:
    """What the arithmetic of a kind rests on besides weight and bias."""
    if kind == "weight_normed_convolution":
        return {"magnitude": others[0]}
    return {"epsilon": module.eps} if kind == "standardized_convolution" else {}


def _vector(kind: str, module: Any, argument: torch.Tensor, place: int) -> torch.Tensor:
    """What goes into one position of the output; an embedding: the index."""
    if kind.endswith("convolution"):
        return _patch(module, argument, place)
    if kind == "embedding":
        return argument.reshape(-1)[place : place + 1]
    return argument.reshape(-1, argument.shape[-1])[place]


def _batched(module: Any, tensor: torch.Tensor) -> torch.Tensor:
    """What a convolution takes or gives, with a batch."""
    return tensor[None] if tensor.ndim == len(module.kernel_size) + 1 else tensor


def _padding(module: Any) -> tuple[int, ...] | None:
    """Padding at each side; none where the two sides may differ."""
    if not isinstance(module.padding, str):
        return tuple(module.padding)
    # `same` of a single tap adds nothing.
    is_none = module.padding == "valid" or set(module.kernel_size) == {1}
    return (0,) * len(module.kernel_size) if is_none else None


def _patch(module: Any, argument: torch.Tensor, place: int) -> torch.Tensor:
    """The patch of the padded input that one output position sees, flattened (channel, kernel…)."""
    argument = _batched(module, argument)
    padding = _padding(module) or ()
    padded = torch.nn.functional.pad(argument, [amount for pad in reversed(padding) for amount in (pad, pad)])
    spans = [dilation * (size - 1) + 1 for dilation, size in zip(module.dilation, module.kernel_size, strict=True)]
    sizes = [(whole - span) // step + 1 for whole, span, step in zip(padded.shape[2:], spans, module.stride, strict=True)]
    row, *position = (int(i) for i in torch.unravel_index(torch.tensor(place), (len(argument), *sizes)))
    patch = padded[row]
    for axis, at in enumerate(position):
        taps = torch.arange(module.kernel_size[axis]) * module.dilation[axis] + at * module.stride[axis]
        patch = patch.index_select(axis + 1, taps)
    return patch.reshape(-1)
