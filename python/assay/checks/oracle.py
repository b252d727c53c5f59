"""The float64 oracle: the same model, with every step of its forward in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

WIDE = {torch.float32: torch.float64, torch.float16: torch.float64, torch.bfloat16: torch.float64, torch.complex64: torch.complex128}
CASTS = (torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16)
DRAWS = (torch.rand, torch.randn, torch.rand_like, torch.randn_like)
DRAWS_FROM = (torch.bernoulli, torch.normal, torch.multinomial)
DRAWS_IN_PLACE = (torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.bernoulli_, torch.Tensor.exponential_)


def widened(model: torch.nn.Module) -> torch.nn.Module:
    """A copy in float64."""
    return widen(copy.deepcopy(model))


def widen(model: torch.nn.Module) -> torch.nn.Module:
    """Makes a model float64, in place. Experts run one by one, since grouped products are for narrow types only."""
    wide = model.double()
    clear_caches(wide)
    for module in wide.modules():
        if hasattr(getattr(module, "config", None), "_experts_implementation"):
            module.config._experts_implementation = "eager"
        # What a model keeps of an earlier forward is narrow: Mimi's code book.
        for name, kept in list(vars(module).items()):
            if isinstance(kept, torch.Tensor) and kept.dtype in WIDE:
                setattr(module, name, kept.to(WIDE[kept.dtype]))
    return wide


def clear_caches(model: torch.nn.Module) -> None:
    """Empties what a model keeps of earlier inputs to compute it once: OmDet-Turbo's embeddings of classes."""
    for module in model.modules():
        for kept in vars(module).values():
            if isinstance(getattr(kept, "cache", None), dict):
                kept.cache.clear()


@contextmanager
def all_wide() -> Iterator[None]:
    """Within it no step narrows what it computes: casts to float32 (norms and rotary embeddings have them) go to float64, and so
    does what is made new. What is drawn is drawn as in float32. What comes from NumPy, or by the old names of tensor types, stays
    as it is."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Widening():
            yield
    finally:
        torch.set_default_dtype(before)


class _Widening(TorchFunctionMode):
    def __torch_function__(self, function: Callable, types: Any, arguments: tuple = (), keywords: dict | None = None) -> Any:
        del types
        keywords = keywords or {}
        if function in SPECIAL:  # one look: this is called for each step of each forward
            return SPECIAL[function](function, arguments, keywords)
        if any(type(argument) is torch.dtype for argument in arguments):
            arguments = tuple(_wide(argument) for argument in arguments)
        if any(type(argument) is torch.dtype for argument in keywords.values()):
            keywords = {name: _wide(argument) for name, argument in keywords.items()}
        return function(*arguments, **keywords)


def _draw(function: Callable, arguments: tuple, keywords: dict) -> Any:
    if "out" in keywords:
        return function(*arguments, **{name: _wide(argument) for name, argument in keywords.items()})
    return function(*arguments, **{**keywords, "dtype": torch.float32}).double()


def _draw_from(function: Callable, arguments: tuple, keywords: dict) -> Any:
    drawn = function(*(_narrow(argument) for argument in arguments), **keywords)
    return drawn.double() if drawn.is_floating_point() else drawn


def _draw_in_place(function: Callable, arguments: tuple, keywords: dict) -> Any:
    return arguments[0].copy_(function(_narrow(arguments[0]).clone(), *arguments[1:], **keywords))


SPECIAL: dict[Callable, Callable[[Callable, tuple, dict], Any]] = {
    **dict.fromkeys(CASTS, lambda function, arguments, keywords: arguments[0].double()),
    **dict.fromkeys(DRAWS, _draw),
    **dict.fromkeys(DRAWS_FROM, _draw_from),
    **dict.fromkeys(DRAWS_IN_PLACE, _draw_in_place),
    torch.Tensor.view: lambda function, arguments, keywords: function(*arguments, **keywords),
}
"""What is done in place of some functions."""


def _wide(argument: Any) -> Any:
    return WIDE.get(argument, argument) if isinstance(argument, torch.dtype) else argument


def _narrow(argument: Any) -> Any:
    is_wide = isinstance(argument, torch.Tensor) and argument.dtype == torch.float64
    return argument.to(torch.float32) if is_wide else argument
