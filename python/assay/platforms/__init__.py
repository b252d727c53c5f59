"""Platforms: what executes a model beside eager torch on the processor. Each is one module with the same parts (`base.py`); which there
are: `platform.rs`."""

from __future__ import annotations

import importlib
from typing import Any

from assay.platforms.base import Backend, Executed
from assay.raised import Unavailable

NOT_YET = {"webgpu": "Assay does not drive a browser yet", "webnn": "Assay does not drive a browser yet"}

__all__ = ["Backend", "Executed", "kind_of", "of", "parts"]


def parts(platform: str) -> tuple[str, str | None, str]:
    """The parts of `BACKEND[:DEVICE][@DTYPE]`; without a dtype it is float32."""
    place, _, dtype = platform.partition("@")
    name, _, device = place.partition(":")
    return name, device or None, dtype or "float32"


def kind_of(name: str) -> type[Backend]:
    """The class of a platform: `PLATFORM` of the module of that name, or one of torch's devices. Raises `Unavailable` for one that Assay
    can't drive."""
    from assay.platforms import torch_device

    if name in NOT_YET:
        raise Unavailable("not_yet", NOT_YET[name])
    if name in torch_device.DEVICES:
        return torch_device.kind_of(name)
    return importlib.import_module(f"assay.platforms.{name.replace('-', '_')}").PLATFORM


def of(platform: str) -> Backend:
    """A platform by its whole name. Raises `Unavailable` where this machine lacks it."""
    name, device, dtype = parts(platform)
    kind = kind_of(name)
    kind.versions()
    return kind(device, dtype)


def detect(platform: str) -> dict[str, Any]:
    """What this machine has of a platform (`Present` of `platform.rs`), or why it has none. What there is has computed something."""
    name, _, _ = parts(platform)
    try:
        return kind_of(name).detect()
    except Unavailable as lacking:
        return {"lacking": {"kind": lacking.kind, "words": lacking.words, "mend": lacking.mend}}
    except Exception as exception:
        return {"lacking": {"kind": "broken", "words": f"{type(exception).__name__}: {exception}"[:500], "mend": None}}
