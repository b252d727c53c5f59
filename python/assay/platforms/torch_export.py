"""`torch-export`: the graph that `torch.export` traces, run by torch without the model's Python."""

from __future__ import annotations

from typing import Any

import torch

from assay.platforms.base import Executed, Tensors, confirm, types_of
from assay.platforms.exported import Dispatched, Exported


class TorchExport(Exported):
    """An exported program."""

    packages = ("torch>=2.11",)
    exporter, config = "DynamoExporter", "DynamoConfig"
    of_torch = ("torch.fx", "torch.export")

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        layer, fed = torch.nn.Linear(3, 2), torch.ones(1, 3)
        confirm("torch.export", torch.export.export(layer, (fed,)).module()(fed).detach(), layer(fed).detach())
        return [{"name": "cpu", "description": torch.backends.cpu.get_cpu_capability()}]

    def noted(self, dispatched: Dispatched) -> None:
        """Nothing: torch runs the program."""
        self.computed = sum(dispatched.computed.values())

    def numbers(self) -> dict[str, str]:
        return types_of(self.model.program.named_parameters())

    def by_backend(self, inputs: Tensors, executed: Executed) -> Executed:
        """Operations that torch computes while the program runs, of which the model's own modules are none."""
        executed.by = {"ExportedProgram": self.computed}
        return executed


PLATFORM = TorchExport
