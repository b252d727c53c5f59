"""`cuda`, `rocm`, `mps`, `xpu`: eager torch on a device of its own. What differs is data."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from assay.checks import oracle
from assay.platforms.base import Backend, Executed, Tensors, confirm
from assay.platforms.exported import MOVES
from assay.raised import Unavailable

FALLBACK = "PYTORCH_ENABLE_MPS_FALLBACK"
"""With it torch computes on the processor what it can't on a GPU of Apple, without a word."""


@dataclass(frozen=True)
class Device:
    """A kind of device, as torch knows it."""

    torch_type: str
    maker: str
    build: str
    """The attribute of `torch.version` that only a build for it has; none if every build has it, or none."""


DEVICES = {
    "cuda": Device("cuda", "a GPU of NVIDIA", "cuda"),
    "rocm": Device("cuda", "a GPU of AMD", "hip"),
    "mps": Device("mps", "a GPU of Apple", ""),
    "xpu": Device("xpu", "a GPU of Intel", "xpu"),
}


class TorchDevice(Backend):
    """A model on one device."""

    stages = ("move", "synchronize", "run")
    name = ""

    def __init__(self, device: int | None) -> None:
        super().__init__(device)
        self.kind = DEVICES[self.name]
        self.model: Any = None

    @classmethod
    def versions(cls) -> dict[str, str]:
        return {"torch": torch.__version__}

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        kind = DEVICES[cls.name]
        module = getattr(torch, kind.torch_type, None)
        if module is None:
            raise Unavailable("version_too_old", f"this torch ({torch.__version__}) knows no `{kind.torch_type}`")
        if os.environ.get(FALLBACK) == "1":
            raise Unavailable("broken", f"{FALLBACK} lets the processor compute what {kind.maker} can't", f"unset {FALLBACK}")
        if kind.build and getattr(torch.version, kind.build, None) is None:
            raise Unavailable("package_missing", f"this torch ({torch.__version__}) is not built for {kind.maker}")
        if not module.is_available():
            raise Unavailable("no_device", f"torch finds no device: {kind.maker}")
        return [cls._describe(kind.torch_type, module, index) for index in range(module.device_count())]

    @staticmethod
    def _describe(torch_type: str, module: Any, index: int) -> dict[str, Any]:
        place = torch.device(torch_type, index)
        fed = torch.arange(4.0).reshape(2, 2)
        confirm(str(place), (fed.to(place) @ fed.to(place)).cpu(), fed @ fed)
        properties = module.get_device_properties(index) if hasattr(module, "get_device_properties") else None
        return {
            "name": str(index),
            "description": getattr(properties, "name", torch_type),
            "memory_bytes": getattr(properties, "total_memory", None),
            "capability": ".".join(str(getattr(properties, part)) for part in ("major", "minor") if hasattr(properties, part)) or None,
        }

    def prepare(self, model: torch.nn.Module, inputs: Tensors) -> None:
        found = self.devices()
        if self.device is not None and self.device >= len(found):
            raise Unavailable("no_device", f"there is no `{self.name}:{self.device}`: torch counts {len(found)}")
        self.place = torch.device(self.kind.torch_type, self.device or 0)
        self.model = copy.deepcopy(model)
        oracle.clear_caches(self.model)
        self.model.to(self.place)
        # Asked for float32, a GPU is to compute in it: by itself cuDNN takes TF32 for convolutions.
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        self.settings = {"device": str(self.place), "TF32": "off"}

    def load(self) -> None:
        getattr(torch, self.kind.torch_type).synchronize()

    def run(self, inputs: Tensors) -> Any:
        from assay import subjects
        from assay.checks.unit import named_tensors

        moved = {name: its.to(self.place) for name, its in inputs.items()}
        with torch.no_grad():
            answer = named_tensors(subjects.call(self.model, moved))
        self.seen = {its.device.type for its in answer.values()}
        return {name: its.cpu() for name, its in answer.items()}

    def executed(self, inputs: Tensors) -> Executed:
        """By the operations that torch dispatches: each has its result on the device."""
        with OnDevice() as on:
            self.run(inputs)
        by = {kind: count for kind, count in on.computed_on.items() if kind == self.kind.torch_type}
        return Executed(by, [f"{kind}: {count}" for kind, count in on.computed_on.items() if kind != self.kind.torch_type])


class OnDevice(TorchDispatchMode):
    """Counts the operations that torch computes within it by the type of device that their result is on; those on numbers of a few
    elements are left out, which count and index."""

    def __init__(self) -> None:
        super().__init__()
        self.computed_on: dict[str, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        name = func.name().removeprefix("aten::").split(".")[0]
        results = answer if isinstance(answer, (tuple, list)) else (answer,)
        for its in results:
            if isinstance(its, torch.Tensor) and its.is_floating_point() and its.numel() > 1 and name not in MOVES:
                self.computed_on[its.device.type] = self.computed_on.get(its.device.type, 0) + 1
        return answer


def kind_of(name: str) -> type[TorchDevice]:
    """The class of one of them."""
    return type(name.capitalize(), (TorchDevice,), {"name": name})
