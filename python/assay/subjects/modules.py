"""Modules of a model, as checks and probes ask about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers.pytorch_utils import Conv1D
from transformers.quantizers.base import HfQuantizer
from transformers.quantizers.quantizers_utils import should_convert_module


def leaves(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """Modules that hold parameters themselves and no module below them does."""
    holding = {name: module for name, module in model.named_modules() if any(p is not None for p in module._parameters.values())}
    inner = {name.rpartition(".")[0] for name in holding}
    above: set[str] = set()
    for name in inner:
        while name:
            above.add(name)
            name = name.rpartition(".")[0]
    return {name: module for name, module in holding.items() if name and name not in above}


class Called:
    """Which leaf modules are called while it is entered."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.modules = leaves(model)
        self.names: set[str] = set()

    def reached(self) -> set[str]:
        """Those that were called, and those whose weights are tied to one that was."""
        weights = {id(weight) for name in self.names for weight in self.modules[name]._parameters.values() if weight is not None}
        tied = {name for name, module in self.modules.items() if any(id(weight) in weights for weight in module._parameters.values())}
        return self.names | tied

    def __enter__(self) -> Called:
        self._handles = [module.register_forward_hook(lambda *_, name=name: self.names.add(name)) for name, module in self.modules.items()]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()


@contextmanager
def recording() -> Iterator[None]:
    """Within it a backward can follow a forward, also where the library itself forbids it (`no_grad`, `inference_mode`): what a tower
    computes is no less a part of the answer for not being trained."""
    contexts = (torch.no_grad, torch.inference_mode)
    kept = [(context, context.__enter__, context.__exit__) for context in contexts]
    for context in contexts:
        context.__enter__ = lambda self: None
        context.__exit__ = lambda self, *exception: None
    try:
        with torch.enable_grad():
            yield
    finally:
        for context, enter, leave in kept:
            context.__enter__, context.__exit__ = enter, leave


def compressible(model: torch.nn.Module) -> list[str]:
    """The modules that `transformers` itself compresses where weights of eight bits are asked for (`replace_with_bnb_linear`)."""
    kept = HfQuantizer.get_modules_to_not_convert(model, None, model._keep_in_fp32_modules)
    linear = [name for name, module in model.named_modules() if type(module) in (torch.nn.Linear, Conv1D)]
    return [name for name in linear if should_convert_module(name, kept)]


@contextmanager
def attached() -> Iterator[None]:
    """Within it nothing is detached."""
    kept = torch.Tensor.detach
    torch.Tensor.detach = lambda self: self
    try:
        yield
    finally:
        torch.Tensor.detach = kept
