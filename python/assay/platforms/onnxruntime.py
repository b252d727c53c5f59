"""`onnxruntime`: an ONNX graph, run by its CPU provider."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from typing import Any

from assay.platforms.base import Executed, Tensors, confirm
from assay.platforms.exported import Exported

PROVIDER = "CPUExecutionProvider"


class Onnxruntime(Exported):
    """An inference session."""

    packages = ("torch>=2.11", "onnxruntime>=1.20", "onnx>=1.18", "onnxscript>=0.5")
    imports = ("onnxscript", "torch.onnx", "transformers.exporters.exporter_onnx")  # onnxruntime itself starts a thread
    exporter, config = "OnnxExporter", "OnnxConfig"

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        import numpy
        import onnxruntime
        from onnx import TensorProto, helper

        def value(name: str) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])

        graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "twice", [value("x")], [value("y")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=[PROVIDER])
        confirm(PROVIDER, session.run(None, {"x": numpy.array([1, 2], numpy.float32)})[0], [2.0, 4.0])
        return [{"name": PROVIDER, "description": f"of {', '.join(onnxruntime.get_available_providers())}"}]

    def runner_options(self, profile: str | None = None) -> dict[str, Any]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        if profile is not None:
            options.enable_profiling = True
            options.profile_file_prefix = profile
        return {"session_options": options}

    def load(self) -> None:
        self.model.to(None, providers=[PROVIDER], **self.runner_options())
        (runner,) = self.model.runners.values()
        self.settings = {"providers": runner.session.get_providers()}

    def by_backend(self, inputs: Tensors, executed: Executed) -> Executed:
        """By its profile: each node that ran, with its provider."""
        loaded = self.model.runners
        with tempfile.TemporaryDirectory() as folder:
            try:
                self.model.to(None, providers=[PROVIDER], **self.runner_options(os.path.join(folder, "profile")))
                self.run(inputs)
                (runner,) = self.model.runners.values()
                with open(runner.session.end_profiling(), encoding="utf-8") as file:
                    events = json.load(file)
            finally:
                self.model._runners = loaded
        ran = [event["args"]["provider"] for event in events if event.get("name", "").endswith("_kernel_time")]
        executed.by = dict(Counter(ran))
        executed.elsewhere += [f"{provider}: {count}" for provider, count in executed.by.items() if provider != PROVIDER]
        return executed
