"""Platforms: what executes a model beside eager torch on the processor. Each is one module with the same parts (`base.py`); which there
are: `platform.rs`."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from assay.platforms.base import Backend, Executed, confirm
from assay.raised import Unavailable

MODULES = {
    "torch-compile": ("torch_compile", "TorchCompile"),
    "torch-export": ("torch_export", "TorchExport"),
    "onnxruntime": ("onnxruntime", "Onnxruntime"),
    "openvino": ("openvino", "Openvino"),
    "executorch": ("executorch", "Executorch"),
}
"""Each with its module and its class."""
TORCH_DEVICES = ("cuda", "rocm", "mps", "xpu")
NOT_YET = {
    "tpu": "Assay does not drive torch-xla yet",
    "qualcomm": "Assay does not drive onnxruntime's provider for Qualcomm yet",
    "tensorrt": "Assay does not drive onnxruntime's provider for TensorRT yet",
    "webgpu": "Assay does not drive a browser yet",
    "webnn": "Assay does not drive a browser yet",
}

__all__ = ["Backend", "Executed", "kind_of", "of"]


def kind_of(name: str) -> type[Backend]:
    """The class of a platform. Raises `Unavailable` for one that Assay can't drive."""
    if name in NOT_YET:
        raise Unavailable("not_yet", NOT_YET[name])
    if name in TORCH_DEVICES:
        from assay.platforms import torch_device

        return torch_device.kind_of(name)
    module, kind = MODULES[name]
    return getattr(importlib.import_module(f"assay.platforms.{module}"), kind)


def of(platform: str) -> Backend:
    """A platform by its whole name, `BACKEND[:DEVICE]`. Raises `Unavailable` where this machine lacks it."""
    name, _, device = platform.partition(":")
    kind = kind_of(name)
    kind.versions()
    return kind(int(device) if device else None)


def detect(platform: str) -> dict[str, Any]:
    """What this machine has of a platform (`Present` of `platform.rs`), or why it has none. What there is has computed something."""
    name = platform.partition(":")[0]
    try:
        if name == "cpu":
            fed = torch.arange(4.0).reshape(2, 2)
            confirm("cpu", fed @ fed, [[2.0, 3.0], [6.0, 11.0]])
            return {
                "versions": {"torch": torch.__version__},
                "devices": [{"name": "cpu", "description": torch.backends.cpu.get_cpu_capability()}],
            }
        return kind_of(name).detect()
    except Unavailable as lacking:
        return {"lacking": {"kind": lacking.kind, "words": lacking.words, "mend": lacking.mend}}
    except Exception as exception:
        return {"lacking": {"kind": "broken", "words": f"{type(exception).__name__}: {exception}"[:500], "mend": None}}
