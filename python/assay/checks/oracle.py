"""The float64 oracle: the same model, with every step of its forward in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

NARROW = (torch.float32, torch.float16, torch.bfloat16)
DRAWS = (torch.rand, torch.randn, torch.rand_like, torch.randn_like)


def widened(model: torch.nn.Module) -> torch.nn.Module:
    """A copy in float64. Experts run one by one, since grouped products are for narrow types only."""
    wide = copy.deepcopy(model).double()
    for module in wide.modules():
        if hasattr(getattr(module, "config", None), "_experts_implementation"):
            module.config._experts_implementation = "eager"
    return wide


@contextmanager
def all_wide() -> Iterator[None]:
    """Within it no step narrows what it computes: casts to float32 (norms and rotary embeddings have them) go to float64, and so
    does what is made new. What is drawn is drawn as in float32."""
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
        if function is torch.Tensor.float:
            return arguments[0].double()
        if function in DRAWS:
            return function(*arguments, **{**keywords, "dtype": torch.float32}).double()
        if function is not torch.Tensor.view:
            arguments = tuple(_wide(argument) for argument in arguments)
            keywords = {name: _wide(argument) for name, argument in keywords.items()}
        return function(*arguments, **keywords)


def _wide(argument: Any) -> Any:
    return torch.float64 if isinstance(argument, torch.dtype) and argument in NARROW else argument
