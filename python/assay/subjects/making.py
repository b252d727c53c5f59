"""A small faithful configuration and its model: ways of shrinking are tried in turn, each repaired as its errors ask, until one builds, can
be fed, is small, and has the module types of the full-size default."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
import transformers

from assay.raised import NotAModel
from assay.subjects import build, designs, overrides, shrinking, tree
from assay.subjects.modules import leaves
from assay.subjects.search import Found, search

PARAMETERS = 1_000_000
"""A tiny model has fewer."""
MOST_PARAMETERS = 40_000_000
"""With more than this a model is not even built."""
REPAIRS = 6
SECONDS = 20.0
"""Of CPU time for one architecture, not on the clock: a loaded machine makes the same recipe. Ways can't be counted instead: one takes from
a tenth of a second to twenty (nemo_speechlm)."""


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

    def is_whole(self) -> bool:
        """Whether it lacks nothing: faithful, and what it doesn't reach is little, or unused by its own design."""
        return not self.lost and self.found.reaches_mostly()

    def is_good(self) -> bool:
        """Whether no other way needs to be tried."""
        return self.parameters < PARAMETERS and self.is_whole()


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
    until = time.process_time() + SECONDS
    types = _Types(subject)
    first: StageError | None = None
    best: Made | None = None
    modes = list(shrinking.MODES)
    while modes:
        mode = modes.pop(0)
        # What lacks nothing but smallness is not bettered by what is larger.
        most = best.parameters - 1 if best is not None and best.is_whole() else MOST_PARAMETERS
        for made in _of_mode(subject, mode, seed, types, until, most):
            if isinstance(made, StageError):
                first = first or made
            elif best is None or made.grade() > best.grade():
                best = made
        if best is not None and best.is_good():
            break
        if time.process_time() > until:
            break
        # The first and the last layer may be of another type than those between.
        if mode is shrinking.MODES[0] and best is not None and best.lost:
            modes.insert(0, replace(mode, name=f"{mode.name}, more layers", kinds=2))
    if best is None:
        raise first or StageError("shrink", TooLarge("every way leaves it too large"))
    return best


def _of_mode(
    subject: dict[str, Any], mode: shrinking.Mode, seed: int, types: _Types, until: float, most: int
) -> Iterator[Made | StageError]:
    # A classifier of sequences takes the last token of each row, and refuses two rows where it knows no padding.
    pads = subject.get("auto_class", "").endswith("SequenceClassification")
    repairs: list[shrinking.repair.Repair] = [{"kind": "padding"}] if pads else []
    for _ in range(REPAIRS):
        last: StageError | None = None
        try:
            made = _attempt(subject, mode, repairs, seed, types, most)
            yield made
            repair = None if made.found.reaches_mostly() else shrinking.repair.of_output(made.found.messages, repairs)
        except StageError as failure:
            if isinstance(failure.error, (NotAModel, ImportError)):
                raise
            repair = None if isinstance(failure.error, TooLarge) else shrinking.repair.suggest(failure.error, repairs)
            last = failure
        if repair is None or time.process_time() > until:
            break
        repairs.append(repair)
    if last is not None:
        yield last


def _attempt(subject: dict[str, Any], mode: shrinking.Mode, repairs: list[Any], seed: int, types: _Types, most: int) -> Made:
    stage = "config"
    try:
        config = build.default_config(subject)
        stage = "shrink"
        changes = shrinking.shrink(config, mode, repairs, overrides.of(designs.design_key(subject)))
        stage = "build"
        on_meta = build.make_model(subject, config, meta=True)
        parameters = count(on_meta)
        if parameters > most:
            raise TooLarge(f"{parameters:,} parameters once shrunk ({mode.name})")
        torch.manual_seed(seed)
        model = build.make_model(subject, config)
        stage = "inputs"
        refuse_what_is_no_model(model, config, seed)
        stage = "forward"
        found = search(model, config, seed, designs.design_key(subject))
    except Exception as exception:
        raise StageError(stage, exception) from exception
    return Made(model, config, changes, found, parameters, types.lost(on_meta, changes), mode.name)


def refuse_what_is_no_model(model: torch.nn.Module, config: Any, seed: int) -> None:
    """Raises `NotAModel` for a model without a forward, with what it is a part of and how much of it is reached there."""
    if type(model).forward is torch.nn.Module.forward:
        parts = [f"it is a part of {owner}, whose forward reaches {_reached_in(owner, type(model), seed)}" for owner in _owners(config)]
        why = ", ".join(parts) or "its parts are called one after another by `generate`"
        raise NotAModel(f"it has no forward of its own: {why}")


def _reached_in(owner: str, part: type, seed: int) -> str:
    """How many leaf modules of a part the inputs of the architecture that owns it reach."""
    try:
        made = make({"kind": "architecture", "name": owner, "auto_class": "AutoModel"}, seed)
    except StageError as failure:
        return f"none of it, since it fails itself ({type(failure.error).__name__})"
    prefixes = tuple(f"{name}." for name, module in made.model.named_modules() if type(module) is part)
    names = {name for name in leaves(made.model) if name.startswith(prefixes)}
    return f"{len(names - set(made.found.unreached))} of its {len(names)} leaf modules"


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
        self.known: dict[str, set[str]] = {}
        """By what completes the default, which no model can run with as it is."""

    def lost(self, model: torch.nn.Module, changes: list[dict[str, Any]]) -> list[str]:
        """What a model lacks of the default's module types, and (with `+`) what it has more."""
        filled = {change["field"]: change["to"] for change in changes if change["rule"] == shrinking.missing.EMPTY_SIZE}
        filled = overrides.of(designs.design_key(self.subject)).get("before", {}) | filled
        key = json.dumps(filled)
        if key not in self.known:
            self.known[key] = self._types(filled)
        known, own = self.known[key], module_types(model)
        return sorted(known - own) + [f"+{name}" for name in sorted(own - known)] if known else []

    def _types(self, filled: dict[str, Any]) -> set[str]:
        try:
            config = build.default_config(self.subject)
            for path, value in filled.items():
                tree.put(config, path, value)
            return module_types(build.make_model(self.subject, config, meta=True))
        except Exception:  # some defaults lack a size, and can't be built by anybody
            return set()


def module_types(model: torch.nn.Module) -> set[str]:
    """Names of the classes of all modules."""
    return {type(module).__name__ for module in model.modules()}
