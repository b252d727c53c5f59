"""Platforms that take what `transformers.exporters` makes of a model."""

from __future__ import annotations

import contextlib
import copy
import importlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from assay.checks import oracle
from assay.platforms import kept
from assay.platforms.base import Backend, Executed, Tensors
from assay.raised import Unavailable
from assay.subjects import sessions

MOVES = frozenset(
    (
        "_local_scalar_dense",
        "_to_copy",
        "_unsafe_view",
        "alias",
        "as_strided",
        "clone",
        "contiguous",
        "copy_",
        "detach",
        "empty",
        "empty_like",
        "empty_strided",
        "expand",
        "lift_fresh",
        "new_empty_strided",
        "permute",
        "reshape",
        "resize_",
        "select",
        "set_",
        "slice",
        "squeeze",
        "t",
        "to",
        "transpose",
        "unsqueeze",
        "view",
    )
)
"""Operations of torch that compute nothing: how inputs and outputs are handed over."""


class Exported(Backend):
    """A model as one exported graph: what is loaded and run is read from the files that it was saved as."""

    holds_from = 1
    exporter = ""
    """The class in `transformers.exporters`."""
    config = ""
    """The class of its configuration."""
    of_torch: tuple[str, ...] = ()
    """Where the classes of torch's modules come from that the backend itself is made of, by the beginning of their module's name."""

    @classmethod
    def warm(cls) -> None:
        warm_export("dynamo")

    @classmethod
    def sources(cls) -> tuple[str, ...]:
        """Packages that have a part in an export."""
        return ("assay", "transformers", *(requirement.partition(">")[0] for requirement in cls.packages))

    def __init__(self, device: str | None, dtype: str = "float32") -> None:
        super().__init__(device, dtype)
        self.source: Any = None
        self.folder = ""
        """Where the export lies."""
        self.model: Any = None
        """What was loaded of it."""
        self.prepared_with: Tensors = {}
        """The inputs that it was traced with."""
        self.foreign: Counter[str] = Counter()
        """What else than the backend computed in any run so far, and how often."""

    def prepare(self, model: torch.nn.Module, inputs: Tensors) -> None:
        import transformers.exporters as exporters

        if sessions.session_class(model) is not None:
            raise Unavailable("not_yet", "Assay does not export models that a session drives yet")
        # An exporter may leave something in a model, and a graph what an earlier forward left there.
        self.prepared_with = {name: its.clone() for name, its in inputs.items()}
        self.source = copy.deepcopy(model)
        oracle.clear_caches(self.source)
        options, fed = self.options(), self.fed(inputs)
        how = {name: value if isinstance(value, str) else type(value).__name__ for name, value in options.items()}
        key = kept.key(self.source, fed, f"{self.exporter} {how}", self.sources())
        found = kept.find(key)
        self.made_before = found is not None
        self.folder = found or tempfile.mkdtemp()
        if found is None:
            config = getattr(exporters, self.config)(**options)
            getattr(exporters, self.exporter)().export(self.source, fed, config).save_pretrained(self.folder)
            kept.keep(key, self.folder)

    def fed(self, inputs: Tensors) -> dict[str, Any]:
        """What the graph takes: the inputs, and what the library computes of them beforehand since no graph can."""
        from transformers.exporters.utils import precompute_export_inputs

        fed: dict[str, Any] = {name: its.clone() for name, its in inputs.items()}
        with torch.no_grad():
            precompute_export_inputs(self.source, fed)
        return fed

    def options(self) -> dict[str, Any]:
        """Of the exporter's configuration."""
        return {}

    def load(self) -> None:
        self.model = self.read(device="cpu")

    def read(self, **options: Any) -> Any:
        """The export from its files, with these options of `ExportedModel.from_pretrained`."""
        from transformers.exporters.base import ExportedModel

        return ExportedModel.from_pretrained(self.folder, trust_remote_code=self.trusts_code, **options)

    def run(self, inputs: Tensors) -> Any:
        fed = self.fed(inputs)
        if not self.watches:
            return self.model(**fed)
        with Dispatched() as dispatched, called(self.of_torch) as modules:
            answer = self.model(**fed)
        self.noted(dispatched)
        self.foreign.update({f"a forward of {name}": count for name, count in modules.items()})
        return answer

    def executed(self, inputs: Tensors) -> Executed:
        self.run(inputs)
        return self.by_backend(inputs, Executed(elsewhere=[f"{name} × {count}" for name, count in self.foreign.items()]))

    def noted(self, dispatched: Dispatched) -> None:
        """Notes those of the operations of torch that a run should leave to the backend: all that compute."""
        self.foreign.update({f"torch: {name}": count for name, count in dispatched.computed.items()})

    def by_backend(self, inputs: Tensors, executed: Executed) -> Executed:
        """The same with what the backend says it executed itself."""
        raise NotImplementedError


def warm_export(*patched: str) -> torch.export.ExportedProgram:
    """Exports a layer, after which torch has what it imports while it does, and makes the exporters' patches of these kinds once: each
    imports the modules that it patches."""
    import tqdm
    from transformers.exporters.utils import apply_patches

    for module in ("exporter_dynamo", "runners.runner_dynamo"):
        importlib.import_module(f"transformers.exporters.{module}")

    tqdm.tqdm.monitor_interval = 0  # with it a thread watches every bar of progress
    with torch.no_grad():
        program = torch.export.export(torch.nn.Linear(3, 2), (torch.ones(1, 3),))
        program.run_decompositions({})
    for kind in patched:
        with apply_patches(kind):
            pass
    return program


@contextlib.contextmanager
def called(but: tuple[str, ...] = ()) -> Iterator[Counter[str]]:
    """Counts, by class, the modules that are called within it, in whichever thread, `but` those whose class comes from there: a graph is
    run without them."""
    classes: Counter[str] = Counter()

    def count(module: torch.nn.Module, inputs: Any) -> None:
        if not type(module).__module__.startswith(but):
            classes[type(module).__name__] += 1

    handle = torch.nn.modules.module.register_module_forward_pre_hook(count)
    try:
        yield classes
    finally:
        handle.remove()


class Dispatched(TorchDispatchMode):
    """Counts the operations that torch computes within it."""

    def __init__(self) -> None:
        super().__init__()
        self.computed: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().removeprefix("aten::").split(".")[0]
        if name not in MOVES:
            self.computed[name] += 1
        return func(*args, **(kwargs or {}))
