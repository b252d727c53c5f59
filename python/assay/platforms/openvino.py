"""`openvino`: OpenVINO's own representation, run by its plugin for a device."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch

from assay.platforms.base import Executed, Tensors, confirm, most, versions
from assay.platforms.exported import Exported
from assay.raised import Unavailable

PRECISION = "INFERENCE_PRECISION_HINT"
"""What the plugin computes in: by itself bfloat16, where the processor has instructions for it."""
HINTS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "int8": "f32"}
"""What is asked for; of eight-bit weights, too: what is computed with them has 32."""
NAMES = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}
PRODUCTS = ("FullyConnected", "MatMul", "Convolution", "Deconvolution", "ScaledDotProductAttention")
"""What the plugin calls them."""
WEIGHTED = ("MatMul", "Convolution", "GroupConvolution")
"""Operations whose second input is a weight."""
TURNS = ("Convert", "Multiply", "Subtract", "Reshape", "Transpose")
"""What lies between a weight as it is stored and where it is taken."""
DEVICES = {"cpu": "CPU", "gpu": "GPU"}
TORCH_DEVICES = {"cpu": "cpu", "gpu": "xpu"}
"""What `transformers` calls them."""


class Openvino(Exported):
    """A compiled model."""

    answers_wide = True
    draws_alike = False
    packages = ("torch>=2.11", "openvino>=2025.4")
    exporter, config = "OpenVINOExporter", "OpenVINOConfig"

    def prepare(self, model: Any, inputs: Tensors) -> None:
        if self.dtype == "int8":
            versions("nncf>=3.0")
        present = {row["name"].partition(".")[0] for row in self.devices()}
        if DEVICES[self.device or "cpu"] not in present:
            raise Unavailable("no_device", f"OpenVINO finds no {DEVICES[self.device or 'cpu']}: {', '.join(sorted(present)) or 'nothing'}")
        super().prepare(model, inputs)

    def fed(self, inputs: Tensors) -> dict[str, Any]:
        """What goes into a program has 32 bits, whatever the model has."""
        fed = super().fed(inputs)
        if self.model is None:
            return fed
        return {name: its.float() if isinstance(its, torch.Tensor) and its.is_floating_point() else its for name, its in fed.items()}

    def options(self) -> dict[str, Any]:
        if self.dtype != "int8":
            return {}
        from transformers.exporters import NNCFOpenVINOQuantizer, NNCFWeightCompressionConfig

        return {"quantizer": NNCFOpenVINOQuantizer(NNCFWeightCompressionConfig())}

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

    def load(self) -> None:
        self._load(HINTS.get(self.dtype))

    @contextlib.contextmanager
    def exactly(self) -> Iterator[None]:
        own = self.model.runners, self.settings, self.loose
        try:
            self._load(HINTS["float32"])
            yield
        finally:
            self.model._runners, self.settings, self.loose = own

    def _load(self, hint: str | None) -> None:
        config: dict[str, Any] = {"INFERENCE_NUM_THREADS": 1} if self.device in (None, "cpu") else {}
        if hint is not None:
            config[PRECISION] = hint
        options = {"device": TORCH_DEVICES[self.device or "cpu"], "config": config | {"PERF_COUNT": True}}
        if self.model is None:
            self.model = self.read(**options)
            if hint is None:
                # The exporter writes down the type that the model had.
                del self.model.program.rt_info["runtime_options"]
                self.model.to(**options)
        else:
            self.model.to(**options)
        (runner,) = self.model.runners.values()
        compiled = runner.compiled_model
        self.settings = {
            "devices": list(compiled.get_property("EXECUTION_DEVICES")),
            "precision": compiled.get_property(PRECISION).to_string(),
        }
        computes = _named(self.settings["precision"])
        if hint is not None and self.settings["precision"] != hint:
            words = f"asked for {NAMES[hint]}, OpenVINO's plugin for {', '.join(self.settings['devices'])} computes in {computes} here"
            raise Unavailable("not_supported_here", words)
        self.loose = f"{PRECISION}: {computes}, OpenVINO's own choice" if hint is None and computes != "float32" else ""

    def by_backend(self, inputs: Tensors, executed: Executed) -> Executed:
        """By the counters of its last request: each node that ran, with the kernel that did."""
        (runner,) = self.model.runners.values()
        ran = [row for row in runner.request.profiling_info if str(row.status).endswith("EXECUTED")]
        asked, places = DEVICES[self.device or "cpu"], self.settings["devices"]
        executed.by = {"+".join(places): len(ran)} if ran else {}
        executed.elsewhere += [f"compiled for {place}" for place in places if place.partition(".")[0] != asked]
        return executed

    def numbers(self) -> dict[str, str]:
        """Of weights in eight bits each matrix that is multiplied; else the plugin's precision, and what it multiplied with most often."""
        (runner,) = self.model.runners.values()
        if self.dtype == "int8":
            return {its.get_friendly_name(): _type(its) for its in _weights(self.model.program)}
        nodes = [node.get_rt_info() for node in runner.compiled_model.get_runtime_model().get_ops()]
        products = Counter(_named(its["runtimePrecision"].astype(str)) for its in nodes if its["layerType"].astype(str) in PRODUCTS)
        return {PRECISION: _named(self.settings["precision"])} | most("products of matrices", products)


def _weights(program: Any) -> Iterator[Any]:
    """Constants that matrices are multiplied or convolved with, as they are stored. NNCF leaves some tables that rows are taken from."""
    seen = set()
    for node in program.get_ops():
        if node.get_type_name() not in WEIGHTED:
            continue
        source = node.input_value(1).get_node()
        while source.get_type_name() in TURNS:
            source = source.input_value(0).get_node()
        is_weight = source.get_type_name() == "Constant" and sum(size > 1 for size in source.get_output_shape(0)) > 1
        if is_weight and source.get_friendly_name() not in seen:
            seen.add(source.get_friendly_name())
            yield source


def _type(constant: Any) -> str:
    name = constant.get_element_type().get_type_name()
    return "int8" if name in ("i8", "u8") else _named(name)


def _named(precision: str) -> str:
    """What torch calls it."""
    return NAMES.get(precision, precision)


PLATFORM = Openvino
