"""`openvino`: OpenVINO's own representation, run by its CPU plugin."""

from __future__ import annotations

from collections import Counter
from typing import Any

from assay.platforms.base import Executed, Tensors, confirm
from assay.platforms.exported import Exported

PRECISION = "INFERENCE_PRECISION_HINT"
"""What the plugin computes in: by itself bfloat16, where the processor has instructions for it."""


class Openvino(Exported):
    """A compiled model."""

    packages = ("torch>=2.11", "openvino>=2025.4")
    imports = ("transformers.exporters.exporter_dynamo",)  # openvino itself starts a thread
    exporter, config = "OpenVINOExporter", "OpenVINOConfig"

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        import numpy
        import openvino
        from openvino import opset15

        core = openvino.Core()
        fed = opset15.parameter([2], numpy.float32)
        twice = openvino.Model([opset15.add(fed, fed)], [fed])
        found = []
        for name in core.available_devices:
            computed = core.compile_model(twice, name)([numpy.array([1, 2], numpy.float32)])[0]
            confirm(f"OpenVINO's {name}", computed, [2.0, 4.0])
            found.append({"name": name, "description": core.get_property(name, "FULL_DEVICE_NAME")})
        return found

    def runner_options(self) -> dict[str, Any]:
        return {"config": {"INFERENCE_NUM_THREADS": 1, "PERF_COUNT": True, PRECISION: "f32"}}

    def load(self) -> None:
        super().load()
        (runner,) = self.model.runners.values()
        compiled = runner.compiled_model
        self.settings = {
            "devices": list(compiled.get_property("EXECUTION_DEVICES")),
            "precision": compiled.get_property(PRECISION).to_string(),
        }

    def by_backend(self, inputs: Tensors, executed: Executed) -> Executed:
        """By the counters of its last request: each node that ran, with the kernel that did."""
        (runner,) = self.model.runners.values()
        ran = [row for row in runner.request.profiling_info if str(row.status).endswith("EXECUTED")]
        executed.by = dict(Counter("CPU" for _ in ran))
        return executed
