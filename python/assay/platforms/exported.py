"""Platforms that take what `transformers.exporters` makes of a model."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from assay.platforms.base import Backend, Executed, Tensors

MOVES = (
    "lift_fresh",
    "view",
    "clone",
    "copy",
    "empty",
    "detach",
    "contiguous",
    "slice",
    "select",
    "reshape",
    "expand",
    "permute",
    "transpose",
    "alias",
)
"""Operations of torch that compute nothing: how inputs and outputs are handed over."""


class Exported(Backend):
    """A model as one exported graph."""

    exporter = ""
    """The class in `transformers.exporters`."""
    config = ""
    """The class of its configuration."""

    def __init__(self, device: int | None) -> None:
        super().__init__(device)
        self.model: Any = None

    def prepare(self, model: torch.nn.Module, inputs: Tensors) -> None:
        import transformers.exporters as exporters

        config = getattr(exporters, self.config)(**self.options())
        self.model = getattr(exporters, self.exporter)().export(model, {name: its.clone() for name, its in inputs.items()}, config)

    def options(self) -> dict[str, Any]:
        """Of the exporter's configuration."""
        return {}

    def load(self) -> None:
        self.model.to("cpu", **self.runner_options())

    def runner_options(self) -> dict[str, Any]:
        """Of the runner."""
        return {}

    def run(self, inputs: Tensors) -> Any:
        return self.model(**{name: its.clone() for name, its in inputs.items()})

    def executed(self, inputs: Tensors) -> Executed:
        with Dispatched() as dispatched, called() as modules:
            self.run(inputs)
        return self.by_backend(inputs, Executed(elsewhere=self.foreign(dispatched) + [f"a forward of {name}" for name in modules]))

    def foreign(self, dispatched: Dispatched) -> list[str]:
        """Those of the operations of torch that a run should leave to the backend: all that compute."""
        return [f"torch: {name} × {count}" for name, count in dispatched.computed.items()]

    def by_backend(self, inputs: Tensors, executed: Executed) -> Executed:
        """The same with what the backend says it executed itself."""
        raise NotImplementedError


@contextlib.contextmanager
def called() -> Iterator[Counter[str]]:
    """Counts, by class, the modules of a model itself that are called within it: a graph is run without them."""
    classes: Counter[str] = Counter()

    def count(module: torch.nn.Module, inputs: Any) -> None:
        if not type(module).__module__.startswith(("torch.fx", "torch.export")) and not isinstance(module, torch.fx.GraphModule):
            classes[type(module).__name__] += 1

    handle = torch.nn.modules.module.register_module_forward_pre_hook(count)
    try:
        yield classes
    finally:
        handle.remove()


class Dispatched(TorchDispatchMode):
    """Counts the operations that torch computes within it."""

    def __init__(self) -> None:
        super().__init__()
        self.computed: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().removeprefix("aten::").split(".")[0]
        if not any(word in name for word in MOVES):
            self.computed[name] += 1
        return func(*args, **(kwargs or {}))
