"""`torch-compile`: what inductor makes of a model, on the processor."""

from __future__ import annotations

import copy
import os
import shutil
from typing import Any

import torch

from assay.checks import oracle
from assay.platforms.base import Backend, Executed, Tensors, confirm
from assay.platforms.exported import MOVES
from assay.raised import Unavailable

REGION = "Torch-Compiled Region"
"""What torch's profiler calls a compiled part."""


class TorchCompile(Backend):
    """A compiled model."""

    packages = ("torch>=2.11",)
    imports = ("torch._dynamo", "torch._inductor")
    stages = ("wrap", "compile", "run")

    def __init__(self, device: int | None) -> None:
        super().__init__(device)
        self.model: Any = None
        self.compiled: Any = None

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        compiler = next(filter(None, map(shutil.which, (os.environ.get("CXX") or "g++", "clang++"))), None)
        if compiler is None:
            raise Unavailable("package_missing", "inductor compiles C++, and there is no compiler (g++)", "apt-get install g++")
        fed = torch.tensor([1.0, 2.0])
        confirm("torch.compile", torch.compile(lambda x: x.sin() + x, backend="inductor")(fed), fed.sin() + fed)
        return [{"name": "cpu", "description": f"{torch.backends.cpu.get_cpu_capability()}, by {compiler}"}]

    def prepare(self, model: torch.nn.Module, inputs: Tensors) -> None:
        self.model, self.inputs = copy.deepcopy(model), inputs
        oracle.clear_caches(self.model)
        self.compiled = torch.compile(self.model, backend="inductor", dynamic=False)

    def load(self) -> None:
        torch._dynamo.reset()
        self.run(self.inputs)
        self.settings = {"graph_breaks": sum(torch._dynamo.utils.counters["graph_break"].values())}

    def run(self, inputs: Tensors) -> Any:
        from assay import subjects

        with torch.no_grad():
            return subjects.call(self.compiled, {name: its.clone() for name, its in inputs.items()})

    def executed(self, inputs: Tensors) -> Executed:
        """By torch's profiler: what runs within a compiled part, and which operations run outside of any."""
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            self.run(inputs)
        executed = Executed()
        for event in profile.events():
            if REGION in event.name:
                executed.by["compiled parts"] = executed.by.get("compiled parts", 0) + 1
            elif event.name.startswith("aten::") and event.cpu_parent is None and not any(word in event.name for word in MOVES):
                executed.elsewhere.append(event.name)
        return executed
