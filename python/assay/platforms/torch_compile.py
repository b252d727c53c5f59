"""`torch-compile`: what inductor makes of a model, on the processor."""

from __future__ import annotations

import copy
import importlib
import os
import shutil
from collections import Counter
from typing import Any

import torch

from assay.checks import oracle
from assay.platforms.base import Backend, Executed, Tensors, confirm, types_of
from assay.platforms.exported import MOVES
from assay.raised import Unavailable
from assay.subjects import sessions

CALL = "## Call CompiledFxGraph"
"""What the profiler calls a call of what inductor made: within a compiled region what is not compiled runs, too."""


class TorchCompile(Backend):
    """A compiled model."""

    packages = ("torch>=2.11",)
    stages = ("compile", "load", "run")

    def __init__(self, device: str | None, dtype: str = "float32") -> None:
        super().__init__(device, dtype)
        self.model: Any = None
        self.compiled: Any = None
        self.graphs = 0
        """Calls of compiled graphs in the last run."""
        self.foreign: Counter[str] = Counter()
        """Operations outside of any graph in all runs so far, and how often."""

    @classmethod
    def warm(cls) -> None:
        importlib.import_module("torch._inductor.compile_fx")

    @classmethod
    def versions(cls) -> dict[str, str]:
        found = super().versions()
        if cls.compiler() is None:
            raise Unavailable("package_missing", "inductor compiles C++, and there is no compiler (g++)", "apt-get install g++")
        return found

    @staticmethod
    def compiler() -> str | None:
        """The path of the compiler that inductor will take."""
        return next(filter(None, map(shutil.which, (os.environ.get("CXX") or "g++", "clang++"))), None)

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        fed = torch.tensor([1.0, 2.0])
        confirm("torch.compile", torch.compile(lambda x: x.sin() + x, backend="inductor")(fed), fed.sin() + fed)
        return [{"name": "cpu", "description": f"{torch.backends.cpu.get_cpu_capability()}, by {cls.compiler()}"}]

    def prepare(self, model: torch.nn.Module, inputs: Tensors) -> None:
        if sessions.session_class(model) is not None:
            raise Unavailable("not_yet", "Assay does not compile models that a session drives yet")
        self.model = copy.deepcopy(model)
        oracle.clear_caches(self.model)
        torch._dynamo.reset()
        self.compiled = torch.compile(self.model, backend="inductor", dynamic=False, options={"fallback_random": True})
        self._call(inputs)

    def load(self) -> None:
        """Nothing is left to do."""
        self.settings = {"graph_breaks": sum(torch._dynamo.utils.counters["graph_break"].values())}

    def run(self, inputs: Tensors) -> Any:
        if not self.watches:
            return self._call(inputs)
        made = _graphs()
        answer, events = self._profiled(inputs)
        if _graphs() != made:  # what is computed while a graph is made is no part of a run
            answer, events = self._profiled(inputs)
        self.graphs = sum(event.name.startswith(CALL) for event in events)
        self.foreign.update(event.name for event in events if _computes(event) and not _is_within(event))
        return answer

    def _call(self, inputs: Tensors) -> Any:
        with torch.no_grad():
            return self.compiled(**{name: its.clone() for name, its in inputs.items()})

    def _profiled(self, inputs: Tensors) -> tuple[Any, list[Any]]:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            answer = self._call(inputs)
        return answer, list(profile.events())

    def executed(self, inputs: Tensors) -> Executed:
        """By torch's profiler: calls of compiled graphs in a run, and which operations ran outside of any in all of them."""
        self.run(inputs)
        by = {"compiled graphs": self.graphs} if self.graphs else {}
        return Executed(by, [f"{name} × {count}" for name, count in self.foreign.items()])

    def numbers(self) -> dict[str, str]:
        return types_of(self.model.named_parameters())


def _graphs() -> int:
    """How many were compiled so far."""
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


def _computes(event: Any) -> bool:
    """Whether it is an operation that is more than a move."""
    return "::" in event.name and event.name.removeprefix("aten::") not in MOVES


def _is_within(event: Any) -> bool:
    """Whether a compiled graph, or another operation that is counted itself, called it."""
    above = event.cpu_parent
    while above is not None:
        if above.name.startswith(CALL) or "::" in above.name:
            return True
        above = above.cpu_parent
    return False


PLATFORM = TorchCompile
