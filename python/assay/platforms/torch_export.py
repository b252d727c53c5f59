"""`torch-export`: the graph that `torch.export` traces, run by torch without the model's Python."""

from __future__ import annotations

from typing import Any

import torch

from assay.platforms.base import Executed, Tensors, confirm
from assay.platforms.exported import Dispatched, Exported


class TorchExport(Exported):
    """An exported program."""

    packages = {"torch": "2.11"}
    imports = ("transformers.exporters.exporter_dynamo", "transformers.exporters.runners.runner_dynamo")
    exporter, config = "DynamoExporter", "DynamoConfig"

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        layer, fed = torch.nn.Linear(3, 2), torch.ones(1, 3)
        confirm("torch.export", torch.export.export(layer, (fed,)).module()(fed).detach(), layer(fed).detach())
        return [{"name": "cpu", "description": torch.backends.cpu.get_cpu_capability()}]

    def executed(self, inputs: Tensors) -> Executed:
        """Operations that torch computes while the program runs; those that stand in no graph of it are somebody else's."""
        (runner,) = self.model.runners.values()
        graph = {
            node.target.name().removeprefix("aten::").split(".")[0]
            for module in runner.module.modules()
            if hasattr(module, "graph")
            for node in module.graph.nodes
            if node.op == "call_function" and hasattr(node.target, "name")
        }
        with Dispatched() as dispatched:
            self.run(inputs)
        del graph  # an operation may be computed by others: what is counted is that the program's own module ran
        return Executed(by={"ExportedProgram": sum(dispatched.computed.values())})
