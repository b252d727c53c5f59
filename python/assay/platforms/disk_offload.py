"""`disk-offload`: half of a model in memory, the other half read from disk as it is called (`device_map` over `cpu` and `disk`, by
accelerate)."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from typing import Any

import torch

from assay.platforms.base import Executed, Tensors, confirm
from assay.platforms.placed import Placed
from assay.raised import Unavailable


class DiskOffload(Placed):
    """A model loaded with a `device_map`."""

    packages = ("accelerate>=1.0", "torch>=2.11")

    def __init__(self, device: str | None, dtype: str = "float32") -> None:
        super().__init__(device, dtype)
        self.on_disk: set[str] = set()
        """Parameters that are to be read from the disk, by name."""

    @classmethod
    def warm(cls) -> None:
        importlib.import_module("accelerate")

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        from accelerate import disk_offload

        layer, fed = torch.nn.Linear(3, 2), torch.ones(1, 3)
        expected = layer(fed).detach()
        with tempfile.TemporaryDirectory() as folder:
            disk_offload(layer, folder)
            if layer.weight.device.type != "meta":
                raise Unavailable("broken", "accelerate's `disk_offload` leaves weights in memory")
            confirm("accelerate", layer(fed).detach(), expected)
        return [{"name": "disk", "description": "the folder for temporary files"}]

    def load(self) -> None:
        device_map = halves(self.source)
        self.model = self.loaded(device_map=device_map, offload_folder=tempfile.mkdtemp())
        parts = tuple(f"{part}." if part else "" for part, place in device_map.items() if place == "disk")
        self.on_disk = {name for name, _ in self.model.named_parameters() if f"{name}.".startswith(parts)}
        self.settings = {place: sum(its == place for its in device_map.values()) for place in ("cpu", "disk")}

    def run(self, inputs: Tensors) -> Any:
        return self.forward(inputs)

    def executed(self, inputs: Tensors) -> Executed:
        """Tensors that accelerate read from the disk. One that belongs there and is held in memory nevertheless was not offloaded."""
        from accelerate.utils.offload import OffloadedWeightsLoader

        read: list[str] = []
        of_library = OffloadedWeightsLoader.__getitem__

        def noted(loader: Any, key: str) -> Any:
            read.append(key)
            return of_library(loader, key)

        OffloadedWeightsLoader.__getitem__ = noted
        try:
            self.run(inputs)
        finally:
            OffloadedWeightsLoader.__getitem__ = of_library
        held = [name for name, its in self.model.named_parameters() if name in self.on_disk and its.device.type != "meta"]
        return Executed({"disk": len(read)} if read else {}, [f"held in memory: {name}" for name in held])


def halves(model: torch.nn.Module) -> dict[str, str]:
    """Where each part of a model goes: the first half to memory, the rest to disk, but what shares a weight with an earlier part, which
    accelerate wants beside it."""
    parts = list(whole("", model, frozenset(getattr(model, "_no_split_modules", None) or ())))
    placed: dict[int, str] = {}
    device_map = {}
    for number, name in enumerate(parts):
        weights = [id(its) for its in model.get_submodule(name).parameters()]
        shared = next((placed[its] for its in weights if its in placed), None)
        device_map[name] = shared or ("cpu" if number < len(parts) // 2 else "disk")
        placed |= dict.fromkeys(weights, device_map[name])
    return device_map


def whole(name: str, module: torch.nn.Module, unsplit: frozenset[str]) -> Iterator[str]:
    """Names of the parts that a model may be cut into, in its own order: as small as its library allows."""
    children = list(module.named_children())
    own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    if own or not children or type(module).__name__ in unsplit:
        yield name
        return
    for child, its in children:
        yield from whole(f"{name}.{child}" if name else child, its, unsplit)


PLATFORM = DiskOffload
