"""A small faithful configuration and its model: ways of shrinking are tried in turn, each repaired as its errors ask, until one builds, can
be fed, is small, and has the module types of the full-size default."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import transformers

from assay.raised import NotAModel
from assay.subjects import build, overrides, shrinking, tree
from assay.subjects.search import Found, search

PARAMETERS = 1_000_000
"""A tiny model has fewer."""
MOST_PARAMETERS = 40_000_000
"""With more than this a model is not even built."""
REPAIRS = 6
SECONDS = 20.0
"""For one architecture: the slowest build filters and tables that take seconds (zamba, FACTS.md)."""


@dataclass
class Made:
    """A model with its inputs, and how it was made."""

    model: torch.nn.Module
    config: Any
    changes: list[dict[str, Any]]
    found: Found
    parameters: int
    lost: list[str]
    """Module types of the full-size default that the small one lacks, or has more; empty too where the default can't be built."""
    mode: str

    def grade(self) -> tuple[bool, bool, float, float]:
        """What is better: small, faithful, reaching more, smaller."""
        return (self.parameters < PARAMETERS, not self.lost, round(self.found.share(), 3), -self.parameters)

    def is_good(self) -> bool:
        """Whether no other way needs to be tried."""
        return self.parameters < PARAMETERS and not self.lost and self.found.reaches_mostly()


class StageError(Exception):
    """What went wrong, and in which stage: `config`, `shrink`, `build`, `inputs` or `forward`."""

    def __init__(self, stage: str, error: BaseException) -> None:
        super().__init__(stage)
        self.stage = stage
        self.error = error


class TooLarge(Exception):
    """A way of shrinking leaves a model too large to be built."""


def make(subject: dict[str, Any], seed: int) -> Made:
    """The best of all ways. Raises `StageError` of the first way if none leads to a model that runs."""
    until = time.monotonic() + SECONDS
    types = _Types(subject)
    first: StageError | None = None
    best: Made | None = None
    for mode in shrinking.MODES:
        for made in _of_mode(subject, mode, seed, types, until):
            if isinstance(made, StageError):
                first = first or made
            elif best is None or made.grade() > best.grade():
                best = made
        if best is not None and best.is_good():
            break
        if time.monotonic() > until:
            break
    if best is None:
        raise first or StageError("shrink", TooLarge("every way leaves it too large"))
    return best


def _of_mode(subject: dict[str, Any], mode: shrinking.Mode, seed: int, types: _Types, until: float) -> Iterator[Made | StageError]:
    repairs: list[shrinking.repair.Repair] = []
    for _ in range(REPAIRS):
        try:
            yield _attempt(subject, mode, repairs, seed, types)
            return
        except StageError as failure:
            if isinstance(failure.error, (NotAModel, ImportError)):
                raise
            repair = None if isinstance(failure.error, TooLarge) else shrinking.repair.suggest(failure.error, repairs)
            if repair is None or time.monotonic() > until:
                yield failure
                return
            repairs.append(repair)
            last = failure
    yield last


def _attempt(subject: dict[str, Any], mode: shrinking.Mode, repairs: list[Any], seed: int, types: _Types) -> Made:
    stage = "config"
    try:
        config = build.default_config(subject)
        stage = "shrink"
        changes = shrinking.shrink(config, mode, repairs, overrides.of(subject["name"]))
        stage = "build"
        on_meta = build.make_model(subject, config, meta=True)
        parameters = count(on_meta)
        if parameters > MOST_PARAMETERS:
            raise TooLarge(f"{parameters:,} parameters once shrunk ({mode.name})")
        torch.manual_seed(seed)
        model = build.make_model(subject, config)
        stage = "inputs"
        refuse_what_is_no_model(model, config)
        stage = "forward"
        found = search(model, config, seed)
    except Exception as exception:
        raise StageError(stage, exception) from exception
    return Made(model, config, changes, found, parameters, types.lost(on_meta), mode.name)


def refuse_what_is_no_model(model: torch.nn.Module, config: Any) -> None:
    """Raises `NotAModel` for a model without a forward, and for one that a session drives, which is no tensor."""
    if type(model).forward is torch.nn.Module.forward:
        of = ", ".join(_owners(config))
        why = f"it is a part of {of}, which calls its methods" if of else "its parts are called one after another by `generate`"
        raise NotAModel(f"it has no forward of its own: {why}")
    arguments = inspect.signature(model.forward).parameters
    if "inference_session" in arguments and arguments["inference_session"].default is inspect.Parameter.empty:
        raise NotAModel("its forward takes an inference session that keeps the state of a video, not tensors")


def _owners(config: Any) -> list[str]:
    """Model types whose configuration has this one as a part."""
    mapping = transformers.models.auto.configuration_auto.CONFIG_MAPPING
    names = [name for name in transformers.models.auto.modeling_auto.MODEL_MAPPING_NAMES if name in mapping]
    owners = []
    for name in names:
        try:
            parts = getattr(mapping[name], "sub_configs", None) or {}
        except Exception:  # a configuration that can't be imported here has no parts that matter
            continue
        if type(config) in parts.values():
            owners.append(name)
    return owners


def count(model: torch.nn.Module) -> int:
    """Number of parameters, shared ones once."""
    return sum(parameter.numel() for parameter in model.parameters())


class _Types:
    """Module types of the full-size default, built on `meta` once, if it can be."""

    def __init__(self, subject: dict[str, Any]) -> None:
        self.subject = subject
        self.known: set[str] | None = None
        self.built = False

    def lost(self, model: torch.nn.Module) -> list[str]:
        """What a model lacks of the default's module types, and (with `+`) what it has more."""
        if not self.built:
            self.built = True
            try:
                config = build.default_config(self.subject)
                # A default that no model can run with is compared as its override completes it.
                for path, value in overrides.of(self.subject["name"]).get("before", {}).items():
                    tree.put(config, path, value)
                default = build.make_model(self.subject, config, meta=True)
                self.known = module_types(default)
            except Exception:  # some defaults lack a size, and can't be built by anybody
                self.known = None
        if self.known is None:
            return []
        own = module_types(model)
        return sorted(self.known - own) + [f"+{name}" for name in sorted(own - self.known)]


def module_types(model: torch.nn.Module) -> set[str]:
    """Names of the classes of all modules."""
    return {type(module).__name__ for module in model.modules()}
