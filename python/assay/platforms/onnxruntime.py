"""`onnxruntime`, `tensorrt`, `qualcomm`: an ONNX graph, run by a provider of onnxruntime."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
import json
import os
import tempfile
from collections import Counter
from typing import Any

from assay.platforms.base import Executed, Tensors, confirm, most, versions
from assay.platforms.exported import Exported, warm_export
from assay.raised import Unavailable

PROVIDERS = {
    "cpu": ("CPUExecutionProvider", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
    "coreml": ("CoreMLExecutionProvider", "onnxruntime"),
    "directml": ("DmlExecutionProvider", "onnxruntime-directml"),
    "tensorrt": ("TensorrtExecutionProvider", "onnxruntime-gpu"),
    "qualcomm": ("QNNExecutionProvider", "onnxruntime-qnn"),
}
"""Each with the package that has it."""

PRODUCTS = ("MatMul", "Gemm", "FusedMatMul", "FusedGemm", "Conv", "FusedConv", "ConvTranspose", "Attention", "MultiHeadAttention")
"""Operations that multiply matrices."""
PROFILED = {"float": "float32", "float16": "float16", "bfloat16": "bfloat16", "double": "float64"}
"""What a profile calls them."""
FLOATS = {"FLOAT": "float32", "FLOAT16": "float16", "BFLOAT16": "bfloat16", "DOUBLE": "float64"}


class Onnxruntime(Exported):
    """An inference session."""

    draws_alike = False
    packages = ("torch>=2.11", "onnx>=1.18", "onnxscript>=0.5")
    exporter, config = "OnnxExporter", "OnnxConfig"
    first = "cpu"
    """The device that is meant where none is named."""

    def prepare(self, model: Any, inputs: Tensors) -> None:
        self._confirm(self.device or self.first)
        super().prepare(model, inputs)

    @classmethod
    def warm(cls) -> None:
        import torch.onnx

        importlib.import_module("transformers.exporters.exporter_onnx")
        program = warm_export("dynamo", "onnx")
        with contextlib.redirect_stdout(io.StringIO()):
            torch.onnx.export(program, args=(), kwargs={})
        # onnxruntime itself starts a thread.

    @classmethod
    def versions(cls) -> dict[str, str]:
        # Each of its packages has the same module.
        known = dict.fromkeys(package for _, package in PROVIDERS.values())
        installed = [package for package in known if _is_installed(package)]
        return super().versions() | versions(f"{(installed or ['onnxruntime'])[0]}>=1.20")

    @property
    def provider(self) -> str:
        """What has to execute every node."""
        return PROVIDERS[self.device or self.first][0]

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        import onnxruntime

        names = {own: name for name, (own, _) in PROVIDERS.items() if name not in ("tensorrt", "qualcomm")}
        if cls.first != "cpu":
            names = {PROVIDERS[cls.first][0]: cls.first}
        here = [names[provider] for provider in onnxruntime.get_available_providers() if provider in names]
        found = []
        for name in here or [cls.first]:
            try:
                cls._confirm(name)
                found.append({"name": name, "description": PROVIDERS[name][0]})
            except Unavailable:  # built in, and nothing to drive
                if name == cls.first:
                    raise
        return found

    @staticmethod
    def _confirm(name: str) -> None:
        """Raises `Unavailable` for a provider that is not here, or computes nothing."""
        import numpy
        import onnxruntime
        from onnx import TensorProto, helper

        provider, package = PROVIDERS[name]
        available = onnxruntime.get_available_providers()
        if provider not in available:
            words = f"this onnxruntime ({onnxruntime.__version__}) has no {provider}: {', '.join(available)}"
            raise Unavailable("package_missing", words, f"pip install {package}" if package != "onnxruntime" else None)

        def value(name: str) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])

        graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "twice", [value("x")], [value("y")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=[provider])
        if session.get_providers()[0] != provider:
            raise Unavailable("no_device", f"onnxruntime has {provider}, and it finds no device")
        confirm(provider, session.run(None, {"x": numpy.array([1, 2], numpy.float32)})[0], [2.0, 4.0])

    def runner_options(self, profile: str | None = None) -> dict[str, Any]:
        """Of the runner."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        if profile is not None:
            options.enable_profiling = True
            options.profile_file_prefix = profile
        return {"session_options": options}

    def load(self) -> None:
        self.model = self.read(providers=[self.provider], **self.runner_options())
        (runner,) = self.model.runners.values()
        found = runner.session.get_providers()
        self.settings = {"providers": found}
        if found[0] != self.provider:
            raise Unavailable("no_device", f"asked for {self.provider}, onnxruntime runs the model with {found[0]}")
        if self.dtype != "float32":
            products = self._products()
            self.settings["products of matrices"] = dict(products)
            (computes, _), *_ = products.most_common(1) or [(self.dtype, 0)]
            if computes != self.dtype:
                raise Unavailable("not_supported_here", f"asked for {self.dtype}, {self.provider} multiplies in {computes} here")

    def _products(self) -> Counter[str]:
        """In which numbers matrices are multiplied, by the session's profile: a provider without kernels for shorter ones casts before and
        after each."""
        types: Counter[str] = Counter()
        for event in self._profile(self.prepared_with):
            if event["args"]["op_name"] in PRODUCTS and event["args"].get("input_type_shape"):
                (name,) = event["args"]["input_type_shape"][0]
                types[PROFILED.get(name, name)] += 1
        return types

    def _profile(self, inputs: Tensors) -> list[dict[str, Any]]:
        """Each kernel that ran for these inputs, in a session like the one that is compared."""
        loaded = self.model.runners
        with tempfile.TemporaryDirectory() as folder:
            try:
                self.model.to(None, providers=[self.provider], **self.runner_options(os.path.join(folder, "profile")))
                self.run(inputs)
                (runner,) = self.model.runners.values()
                with open(runner.session.end_profiling(), encoding="utf-8") as file:
                    events = json.load(file)
            finally:
                self.model._runners = loaded
        return [event for event in events if event.get("name", "").endswith("_kernel_time")]

    def by_backend(self, inputs: Tensors, executed: Executed) -> Executed:
        """By its profile: each node that ran, with its provider."""
        executed.by = dict(Counter(event["args"]["provider"] for event in self._profile(inputs)))
        executed.elsewhere += [f"{provider}: {count}" for provider, count in executed.by.items() if provider != self.provider]
        return executed

    def numbers(self) -> dict[str, str]:
        """Weights under their own names; and what most of all that the graph holds has, since an exporter folds and turns some of them."""
        held = {name: (its.dtype.name, its.const_value.size) for name, its in self.model.program.graph.initializers.items()}
        floats = {name: (FLOATS[dtype], size) for name, (dtype, size) in held.items() if dtype in FLOATS}
        by_type: Counter[str] = Counter()
        for dtype, size in floats.values():
            by_type[dtype] += size
        own = dict(self.source.named_parameters())
        return {name: dtype for name, (dtype, _) in floats.items() if name in own} | most("numbers of the graph", by_type)


def _is_installed(package: str) -> bool:
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


PLATFORM = Onnxruntime
