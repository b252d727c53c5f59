"""`cpu`, `cuda`, `rocm`, `mps`, `xpu`, `tpu`: eager torch on one kind of device. What differs is data."""

from __future__ import annotations

import contextlib
import copy
import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from assay.checks import oracle
from assay.platforms.base import Backend, Executed, Tensors, confirm, types_of, versions
from assay.platforms.exported import MOVES
from assay.raised import Unavailable

FALLBACK = "PYTORCH_ENABLE_MPS_FALLBACK"
"""With it torch computes on the processor what it can't on a GPU of Apple, without a word."""


@dataclass(frozen=True)
class Device:
    """A kind of device, as torch knows it."""

    torch_type: str
    maker: str
    build: str = ""
    """The attribute of `torch.version` that only a build for it has; none if every build has it, or none."""
    package: str = ""
    """What torch needs beside itself."""
    shorter: tuple[tuple[str, str, str], ...] = ()
    """Switches by which torch computes with less than it is asked for, all on unless somebody turns them off: what each does, and where it
    is."""


CUDNN, MATMUL = "backends.cudnn", "backends.cuda.matmul"
OF_FLOAT32 = (("TF32 in convolutions", CUDNN, "allow_tf32"), ("TF32 in products of matrices", MATMUL, "allow_tf32"))
OF_HALF = (
    ("sums in float16", MATMUL, "allow_fp16_reduced_precision_reduction"),
    ("sums in bfloat16", MATMUL, "allow_bf16_reduced_precision_reduction"),
)
"""Where products of matrices in half precision are cut into parts, these are added up in half precision, too."""
DEVICES = {
    "cpu": Device("cpu", "the processor"),
    "cuda": Device("cuda", "a GPU of NVIDIA", build="cuda", shorter=OF_FLOAT32 + OF_HALF),
    "rocm": Device("cuda", "a GPU of AMD", build="hip", shorter=OF_FLOAT32 + OF_HALF),
    "mps": Device("mps", "a GPU of Apple"),
    "xpu": Device("xpu", "a GPU of Intel", build="xpu"),
    "tpu": Device("xla", "a TPU of Google", package="torch-xla>=2.9"),
}


class TorchDevice(Backend):
    """A model on one device."""

    stages = ("move", "synchronize", "run")
    name = ""

    def __init__(self, device: str | None, dtype: str = "float32") -> None:
        super().__init__(device, dtype)
        self.kind = DEVICES[self.name]
        self.place = _place(self.kind.torch_type, int(device or 0))
        self.draws_alike = self.place.type == "cpu"
        self.model: Any = None

    @classmethod
    def versions(cls) -> dict[str, str]:
        found = versions("torch", *filter(None, [DEVICES[cls.name].package]))
        if DEVICES[cls.name].package:
            importlib.import_module("torch_xla")  # which makes the device known to torch
        return found

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        kind = DEVICES[cls.name]
        if kind.package:
            cls.versions()
        module = getattr(torch, kind.torch_type, None)
        if module is None:
            raise Unavailable("version_too_old", f"this torch ({torch.__version__}) knows no `{kind.torch_type}`")
        if kind.torch_type == "mps" and os.environ.get(FALLBACK) == "1":
            raise Unavailable("broken", f"{FALLBACK} lets the processor compute what {kind.maker} can't", f"unset {FALLBACK}")
        if kind.build and getattr(torch.version, kind.build, None) is None:
            raise Unavailable("package_missing", f"this torch ({torch.__version__}) is not built for {kind.maker}")
        if not (module.is_available() if hasattr(module, "is_available") else module.device_count()):
            raise Unavailable("no_device", f"torch finds no device: {kind.maker}")
        return [cls._describe(kind.torch_type, module, index) for index in range(module.device_count())]

    @staticmethod
    def _describe(torch_type: str, module: Any, index: int) -> dict[str, Any]:
        place = _place(torch_type, index)
        fed = torch.arange(4.0).reshape(2, 2)
        confirm(str(place), (fed.to(place) @ fed.to(place)).cpu(), fed @ fed)
        properties = module.get_device_properties(index) if hasattr(module, "get_device_properties") else None
        return {
            "name": str(index) if torch_type != "cpu" else "cpu",
            "description": getattr(properties, "name", None) or torch.backends.cpu.get_cpu_capability(),
            "memory_bytes": getattr(properties, "total_memory", None),
            "capability": ".".join(str(getattr(properties, part)) for part in ("major", "minor") if hasattr(properties, part)) or None,
        }

    def prepare(self, model: torch.nn.Module, inputs: Tensors) -> None:
        found = self.devices()
        index = int(self.device or 0)
        if index >= len(found):
            raise Unavailable("no_device", f"there is no `{self.name}:{index}`: torch counts {len(found)}")
        self.model = copy.deepcopy(model)
        oracle.clear_caches(self.model)
        self.model.to(self.place)

    def load(self) -> None:
        if self.dtype == "float32":  # asked for it, a GPU is to compute in it: by itself cuDNN takes TF32 for convolutions
            for _, owner, switch in self._on():
                setattr(_of_torch(owner), switch, False)
        self.loose = ", ".join(words for words, _, _ in self._on())
        self.settings = {"device": str(self.place), "computes with less": self.loose or "nowhere"}
        self._synchronize()

    def _on(self) -> list[tuple[str, str, str]]:
        """Switches that matter for the numbers that are asked for, and are on."""
        own = OF_HALF if self.dtype in ("float16", "bfloat16") else OF_FLOAT32
        return [row for row in self.kind.shorter if row in own and getattr(_of_torch(row[1]), row[2])]

    @contextlib.contextmanager
    def exactly(self) -> Iterator[None]:
        on = self._on()
        try:
            for _, owner, switch in on:
                setattr(_of_torch(owner), switch, False)
            yield
        finally:
            for _, owner, switch in on:
                setattr(_of_torch(owner), switch, True)

    def forget_peak(self) -> int:
        """By the allocator of the device, where it has one of its own."""
        module = self._allocator()
        if module is None:
            return super().forget_peak()
        if not module.is_initialized():
            return 0
        module.reset_peak_memory_stats(self.place)
        return module.memory_allocated(self.place)

    def peak(self) -> int:
        module = self._allocator()
        return super().peak() if module is None else module.max_memory_allocated(self.place)

    def _allocator(self) -> Any:
        module = getattr(torch, self.kind.torch_type, None)
        return module if hasattr(module, "max_memory_allocated") else None

    def _synchronize(self) -> None:
        module = getattr(torch, self.kind.torch_type)
        if hasattr(module, "synchronize"):
            module.synchronize()

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

    def numbers(self) -> dict[str, str]:
        shorter = self._on() if self.dtype == "float32" else []
        return types_of(self.model.named_parameters()) | {words: "less" for words, _, _ in shorter}


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


def _place(torch_type: str, index: int) -> torch.device:
    return torch.device(torch_type) if torch_type == "cpu" else torch.device(torch_type, index)


def _of_torch(path: str) -> Any:
    """What `torch` has at a dotted path."""
    found: Any = torch
    for part in path.split("."):
        found = getattr(found, part)
    return found


def kind_of(name: str) -> type[TorchDevice]:
    """The class of one of them."""
    return type(name.capitalize(), (TorchDevice,), {"name": name})
