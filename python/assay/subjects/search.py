"""The search for inputs: proposals are fed until one runs and reaches every leaf module; the choice is by what runs and what is reached,
never by what comes out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from assay.subjects.modules import Called
from assay.subjects.proposals import Proposal, proposals, repair, together
from assay.subjects.proposals.context import Context
from assay.subjects.proposals.named import named
from assay.subjects.specs import BATCH, InputSpec, draw

SECONDS = 12.0
"""For all proposals of one model."""
MOSTLY = 0.9
"""With this share of the leaf modules reached, nothing else is tried: single modules that are never called (a pooler, a table for training)
are the architecture's own, whole towers are not."""
AFTER = 24
"""Proposals that are tried after one ran that doesn't reach all."""
REPAIRS = 3
"""Sizes in a row that are taken from an error."""
OPTIONAL = 40
"""Optional arguments that are tried one by one, where some leaf module is not reached."""
SINGLE = ("text", "image", "video", "audio")
"""Modalities that are fed one by one, where a model takes that."""


@dataclass
class Found:
    """What can be fed."""

    variants: dict[str, list[InputSpec]]
    batch: int
    unreached: list[str]
    leaves: int

    def share(self) -> float:
        """The share of leaf modules that are reached, from 0 to 1."""
        return 1.0 - len(self.unreached) / max(1, self.leaves)

    def reaches_mostly(self) -> bool:
        """Whether nothing else needs to be tried."""
        return self.share() >= MOSTLY

    def as_rows(self) -> dict[str, Any]:
        """Names and counts for the record."""
        return {"leaves": self.leaves, "unreached": self.unreached[:20], "unreached_count": len(self.unreached)}


class NothingRuns(Exception):
    """No proposal ran; the first error is the cause."""


def search(model: torch.nn.Module, config: Any, seed: int) -> Found:
    """Inputs that a model takes. Raises the exception of the likeliest proposal if none runs."""
    context = Context(model, config)
    until = time.monotonic() + SECONDS
    first: BaseException | None = None
    best: Found | None = None
    for batch in (BATCH, 1):
        found, error = _search(context, seed, batch, until)
        if found is not None and (best is None or len(found.unreached) < len(best.unreached)):
            best = found
        # Some take one row only, with all their modalities.
        if best is not None and best.reaches_mostly():
            break
        first = first or error
    if best is not None:
        return best
    raise first or NothingRuns("no proposal of inputs could be made")


def _search(c: Context, seed: int, batch: int, until: float) -> tuple[Found | None, BaseException | None]:
    error: BaseException | None = None
    best: tuple[Proposal, set[str]] | None = None
    alone: dict[str, tuple[list[InputSpec], set[str]]] = {}
    others: dict[str, tuple[list[InputSpec], set[str]]] = {}
    modules = Called(c.model).modules
    left = AFTER
    for (modalities, specs), called, raised in _with_repairs(c, proposals(c), seed, batch):
        if raised is not None:
            error = error or raised
        else:
            if best is None or len(called) > len(best[1]):
                best = ((modalities, specs), called)
            name = "+".join(sorted(modalities))
            if name not in others or len(called) > len(others[name][1]):
                others[name] = (specs, called)
            if len(modalities) == 1:
                alone.setdefault(name, (specs, called))
            if len(called) == len(modules):
                break
        left -= best is not None
        if left <= 0 or time.monotonic() > until:
            break
    if best is None:
        return None, error
    modalities = frozenset().union(*(name.split("+") for name in others if "text" in name))
    if modalities - best[0][0] and len(best[1]) < len(modules):
        # Each ran beside text: now all of them.
        whole = together(c, [(name.split("+"), specs) for name, (specs, _) in others.items()])
        for proposal, called, raised in _with_repairs(c, [(modalities, whole)], seed, batch):
            if raised is None and called - best[1]:
                best = (proposal, called)
                break
    (modalities, specs), called = best
    variants = {"+".join(sorted(modalities)): specs}
    reached = set(called)
    for name in SINGLE if len(modalities) > 1 else ():
        if name in modalities:
            single = alone.get(name) or _alone(c, {name}, seed, batch)
            if single is not None:
                variants[name] = single[0]
                reached |= single[1]
    # A video that can't be fed beside an image.
    if {"text", "image"} <= modalities and "video" not in modalities and c.takes("pixel_values_videos"):
        video = _alone(c, {"text", "video"}, seed, batch)
        if video is not None:
            variants["text+video"] = video[0]
            reached |= video[1]
    # Inputs of another shape may reach what these don't.
    for name, (other, more) in others.items():
        if name not in variants and more - reached:
            variants[name] = other
            reached |= more
    if set(modules) - reached:
        for name, more, called in _enriched(c, specs, reached, seed, batch):
            variants[name] = more
            reached |= called
    unreached = set(modules) - reached
    if unreached:
        unreached -= _lent(c, list(variants.values()), seed, batch)
    return Found(variants, batch, sorted(unreached), len(modules)), None


def _enriched(
    c: Context, specs: list[InputSpec], reached: set[str], seed: int, batch: int
) -> Iterator[tuple[str, list[InputSpec], set[str]]]:
    """The richest set with one optional argument more, wherever that reaches more: prompts, masks, streams of another model."""
    have = {spec.name for spec in specs}
    known = reached | _lent(c, [specs], seed, batch)
    for name in [name for name in c.arguments if name not in have][:OPTIONAL]:
        spec = named(c, name, specs)
        if spec is None:
            continue
        richer = [*specs, spec]
        called, raised = _feed(c, richer, seed, batch)
        # More features take the place of more tokens.
        for again in repair.features(c, richer, str(raised), batch) if raised is not None else ():
            richer = again
            called, raised = _feed(c, richer, seed, batch)
        called |= _lent(c, [richer], seed, batch) if raised is None else set()
        if called - known:
            known |= called
            yield f"with {name}", richer, called


def _lent(c: Context, variants: list[list[InputSpec]], seed: int, batch: int) -> set[str]:
    """Leaf modules that lend their weight to a function instead of being called: a backward reaches them."""
    modules = Called(c.model).modules
    try:
        with torch.enable_grad():
            for specs in variants:
                torch.manual_seed(0)
                output = c.model(**{spec.name: draw(spec, seed, batch) for spec in specs})
                total = sum(tensor.sum() for tensor in _floating(output) if tensor.requires_grad)
                if isinstance(total, torch.Tensor):
                    total.backward()
        return {name for name, module in modules.items() if any(p is not None and p.grad is not None for p in module._parameters.values())}
    except Exception:  # a model that can't be trained is no worse for it
        return set()
    finally:
        c.model.zero_grad(set_to_none=True)


def _floating(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _floating(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _floating(item)


def _alone(c: Context, wanted: set[str], seed: int, batch: int) -> tuple[list[InputSpec], set[str]] | None:
    """One modality by itself, or with text, without what is required of the others."""
    tried = 0
    for modalities, specs in proposals(c):
        if modalities != wanted:
            continue
        tried += 1
        called, raised = _feed(c, specs, seed, batch)
        if raised is None:
            return specs, called
        if tried >= REPAIRS:
            break
    return None


def _with_repairs(
    c: Context, proposed: Iterable[Proposal], seed: int, batch: int
) -> Iterator[tuple[Proposal, set[str], BaseException | None]]:
    """Every proposal with the leaf modules that it reached, or the exception; then those with a size that an exception asked for."""
    later: list[tuple[int, Proposal]] = []
    for modalities, specs in proposed:
        if not specs:
            continue
        called, raised = _feed(c, specs, seed, batch)
        yield (modalities, specs), called, raised
        if raised is None:
            continue
        for more in repair.features(c, specs, str(raised), batch) + repair.length(c, specs, str(raised)):
            called, again = _feed(c, more, seed, batch)
            yield (modalities, more), called, again
        later += [(REPAIRS, (modalities, more)) for more in repair.dimensions(specs, str(raised))]
    # Behind the proposals that are known: a size that an error asks for may be asked for by a layout that is wrong.
    while later:
        left, (modalities, specs) = later.pop(0)
        called, raised = _feed(c, specs, seed, batch)
        yield (modalities, specs), called, raised
        if raised is not None and left > 1:
            later += [(left - 1, (modalities, more)) for more in repair.dimensions(specs, str(raised))]


def _feed(c: Context, specs: list[InputSpec], seed: int, batch: int) -> tuple[set[str], BaseException | None]:
    try:
        arguments = {spec.name: draw(spec, seed, batch) for spec in specs}
        torch.manual_seed(0)
        with Called(c.model) as called, torch.no_grad():
            c.model(**arguments)
    except Exception as exception:
        return set(), exception
    return called.reached(), None
