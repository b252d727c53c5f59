"""What every platform has: the same five parts, in the same order."""

from __future__ import annotations

import contextlib
import importlib.metadata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from packaging.requirements import Requirement

from assay.raised import Unavailable

Tensors = dict[str, torch.Tensor]


@dataclass
class Executed:
    """What a run left behind of who executed it."""

    by: dict[str, int] = field(default_factory=dict)
    """How many operations each of the backend's own parts executed: a provider of onnxruntime, a delegate of ExecuTorch."""
    elsewhere: list[str] = field(default_factory=list)
    """Operations of the model that something else executed."""


class Backend(ABC):
    """One platform for one model. The parts are called in the order in which they stand here; what raises names the stage."""

    packages: tuple[str, ...] = ()
    """What has to be installed, each with the oldest version that will do."""
    stages: tuple[str, ...] = ("export", "load", "run")
    """What preparing and loading are called where they fail."""

    holds_from: int = 0
    """From which stage on the weights that run are held: 0 where preparing places them, 1 where loading does."""
    answers_wide: bool = False
    """Whether what it gives out has 32 bits, whatever the model has."""
    draws_alike: bool = True
    """Whether a model that draws random numbers draws the same as in eager torch on the processor, from the same seed."""

    def __init__(self, device: str | None, dtype: str = "float32") -> None:
        self.device = device
        self.dtype = dtype
        """The numbers that are asked for (`Dtype` of `platform.rs`); the model and its inputs come in them."""
        self.seen = {"cpu"}
        """Types of device that outputs were on, before they were handed over."""
        self.settings: dict[str, Any] = {}
        """What the backend says of its own settings once it is loaded: the precision that it chose, its threads."""
        self.trusts_code = False
        """Whether code inside the checkpoint may run (`--trust-remote-code`)."""
        self.made_before = False
        """Whether what it prepared was kept of another run: how long that took is not known."""
        self.loose = ""
        """The settings by which it rounds more than it was asked to, in words, once it is loaded."""
        self.watches = True
        """Whether a run may take the time to look at who executes it."""

    @classmethod
    def detect(cls) -> dict[str, Any]:
        """What there is of the platform on this machine: versions, and devices of which each has computed something. Raises
        `Unavailable`."""
        return {"versions": cls.versions(), "devices": cls.devices()}

    @classmethod
    def versions(cls) -> dict[str, str]:
        """Versions of what it is made of. Raises `Unavailable` where one is missing or too old."""
        return versions(*cls.packages)

    @classmethod  # noqa: B027
    def warm(cls) -> None:
        """What the template does once, so that no child has to: libraries import theirs when they are first used. Starts no thread.
        Nothing, unless a platform says otherwise."""

    @classmethod
    @abstractmethod
    def devices(cls) -> list[dict[str, Any]]:
        """Its devices (`Device` of `platform.rs`), each once it has computed something. Raises `Unavailable` where there is none."""

    @abstractmethod
    def prepare(self, model: torch.nn.Module, inputs: Tensors) -> None:
        """Makes of a model what the backend takes: exports, or moves it. The model stays as it was."""

    @abstractmethod
    def load(self) -> None:
        """Makes ready to run: compiles, opens a session."""

    @abstractmethod
    def run(self, inputs: Tensors) -> Any:
        """One forward, as the model itself would answer."""

    @contextlib.contextmanager
    def exactly(self) -> Iterator[None]:
        """Within it what is `loose` is not: a difference that goes with it is explained."""
        yield

    def forget_peak(self) -> int:
        """Lets the peak of the memory begin anew, and says how many bytes are held now: of this process."""
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        return _resident("VmRSS")

    def peak(self) -> int:
        """The most bytes that were held since."""
        return _resident("VmHWM")

    @abstractmethod
    def executed(self, inputs: Tensors) -> Executed:
        """Runs once more and says who executed it, by the backend's own word; and what else had a part in any run so far."""

    @abstractmethod
    def numbers(self) -> dict[str, str]:
        """What it holds and computes in, by its own word, once it is loaded: a weight by its name in the model, or another place in words,
        and the type (`float32`, `bfloat16`, `float16`, `int8`; what else there is by its own name)."""


def types_of(tensors: Iterable[tuple[str, torch.Tensor]]) -> dict[str, str]:
    """The types of those that hold floating-point numbers, by name."""
    return {name: str(its.dtype).removeprefix("torch.") for name, its in tensors if its.is_floating_point()}


def most(place: str, types: Counter[str]) -> dict[str, str]:
    """What most of them have, as the type of that place; nothing, where there are none."""
    return {place: types.most_common(1)[0][0]} if types else {}


def versions(*packages: str) -> dict[str, str]:
    """Versions of packages, each named with the oldest version that will do. Raises `Unavailable`."""
    return dict(map(_version, packages))


def _resident(field: str) -> int:
    """A field of `/proc/self/status`, in bytes; 0 where there is none."""
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
    except (OSError, StopIteration):
        return 0


def confirm(name: str, computed: Any, expected: Any) -> None:
    """Raises `Unavailable` for a device that computes something else than it should."""
    computed, expected = torch.as_tensor(computed).double(), torch.as_tensor(expected).double()
    if computed.shape != expected.shape or not torch.allclose(computed, expected):
        raise Unavailable("broken", f"{name} computes {computed.flatten()[:3].tolist()} in the place of {expected.flatten()[:3].tolist()}")


def _version(wanted: str) -> tuple[str, str]:
    """A package and its version."""
    requirement = Requirement(wanted)
    try:
        found = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        raise Unavailable("package_missing", f"the package `{requirement.name}` is not installed", f"pip install '{wanted}'") from None
    if not requirement.specifier.contains(found, prereleases=True):
        raise Unavailable("version_too_old", f"{requirement.name} {found} is not {requirement.specifier}", f"pip install '{wanted}'")
    return requirement.name, found
