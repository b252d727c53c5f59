"""The search for inputs: proposals are fed until one runs and reaches every leaf module; the choice is by what runs and what is reached,
never by what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import Any

import torch

from assay.subjects.designs import unused_modules
from assay.subjects.modules import Called, leaves, recording
from assay.subjects.proposals import Proposal, features, proposals, repair, together
from assay.subjects.proposals.context import Context
from assay.subjects.proposals.named import named
from assay.subjects.sessions import call
from assay.subjects.specs import BATCH, InputSpec, draw

FORWARDS = 300
"""That are tried for one model. What ends a search is counted, not timed: a loaded machine finds the same inputs."""
MOSTLY = 0.9
"""With this share of the leaf modules reached, nothing else is tried: single modules that are never called (a pooler, a table for training)
are the architecture's own, whole towers are not."""
AFTER = 24
"""Proposals that are tried after one ran that doesn't reach all."""
REPAIRS = 3
"""Sizes in a row that are taken from an error."""
READ = 8
"""Modules that no call and no gradient reaches and that are moved one by one, if they are no more."""
OPTIONAL = 40
"""Optional arguments that are tried one by one, where some leaf module is not reached."""
WIDER = 4
"""Layouts of one modality more that are tried beside those that ran."""
SINGLE = ("text", "image", "video", "audio")
"""Modalities that are fed one by one, where a model takes that."""


@dataclass
class Found:
    """What can be fed."""

    variants: dict[str, list[InputSpec]]
    batch: int
    unreached: list[str]
    leaves: int
    by_design: int
    """How many of the unreached ones the architecture's own design leaves unused."""
    messages: list[str]
    """What the proposals that did not run ended in, each once."""

    def share(self) -> float:
        """The share of leaf modules that are reached, of those that the design uses, from 0 to 1."""
        return 1.0 - (len(self.unreached) - self.by_design) / max(1, self.leaves - self.by_design)

    def reaches_mostly(self) -> bool:
        """Whether nothing else needs to be tried."""
        return self.share() >= MOSTLY

    def as_rows(self) -> dict[str, Any]:
        """Names and counts for the record."""
        return {"leaves": self.leaves, "unreached": self.unreached[:20], "unreached_count": len(self.unreached)}


class NothingRuns(Exception):
    """No proposal ran; the first error is the cause."""


@dataclass
class Feeder:
    """A model that proposals are fed to, with a seed and a number of rows, and how many forwards are left."""

    context: Context
    wanted: Set[str]
    """Leaf modules that the architecture's design uses."""
    seed: int
    batch: int
    left: int

    def feed(self, specs: list[InputSpec]) -> tuple[set[str], BaseException | None]:
        """The leaf modules that a forward calls, or the exception that it ends in."""
        self.left -= 1
        try:
            arguments = {spec.name: draw(spec, self.seed, self.batch) for spec in specs}
            torch.manual_seed(0)
            with Called(self.context.model) as called, torch.no_grad():
                call(self.context.model, arguments)
        except Exception as exception:
            return set(), exception
        return called.reached(), None


def search(model: torch.nn.Module, config: Any, seed: int, architecture: str) -> Found:
    """Inputs that a model takes. Raises the exception of the likeliest proposal if none runs."""
    context = Context(model, config, architecture)
    modules = leaves(model).keys()
    wanted = modules - unused_modules(architecture, set(modules), config).keys()
    first: BaseException | None = None
    best: Found | None = None
    left = FORWARDS
    # A session keeps one video.
    for batch in (BATCH, 1) if context.session is None else (1,):
        feeder = Feeder(context, wanted, seed, batch, left)
        found, error = _search(feeder)
        left = feeder.left
        if found is not None and (best is None or len(found.unreached) < len(best.unreached)):
            best = found
        # Some take one row only, with all their modalities.
        if best is not None and best.reaches_mostly():
            break
        first = first or error
    if best is not None:
        return best
    raise first or NothingRuns("no proposal of inputs could be made")


@dataclass
class _Ran:
    """What ran of the proposals: the best, and for each set of modalities the specs that reach the most."""

    best: tuple[Proposal, set[str]] | None = None
    alone: dict[str, tuple[list[InputSpec], set[str]]] = field(default_factory=dict)
    others: dict[str, tuple[list[InputSpec], set[str]]] = field(default_factory=dict)
    error: BaseException | None = None
    """Of the likeliest proposal that did not run."""
    messages: dict[str, None] = field(default_factory=dict)

    def add(self, proposal: Proposal, called: set[str]) -> None:
        """One proposal that ran."""
        modalities, specs = proposal
        if self.best is None or len(called) > len(self.best[1]):
            self.best = (proposal, called)
        name = "+".join(sorted(modalities))
        if name not in self.others or len(called) > len(self.others[name][1]):
            self.others[name] = (specs, called)
        if len(modalities) == 1:
            self.alone.setdefault(name, (specs, called))


def _search(f: Feeder) -> tuple[Found | None, BaseException | None]:
    c = f.context
    ran = _fed(f)
    if ran.best is None:
        return None, ran.error
    (modalities, specs), called = _widest(f, *_joined(f, ran))
    variants = {"+".join(sorted(modalities)): specs}
    reached = set(called)
    for name, (other, more) in _single(f, modalities, ran.alone):
        variants[name] = other
        reached |= more
    # Inputs of another shape may reach what these don't, and prompts that a session can't be given together it is given apart.
    for name, (other, more) in ran.others.items():
        fed = {modality for variant in variants for modality in variant.split("+")}
        if name not in variants and (more - reached or (c.session is not None and set(name.split("+")) - fed)):
            variants[name] = other
            reached |= more
    if f.wanted - reached:
        for name, more, called in _enriched(f, specs, reached):
            variants[name] = more
            reached |= called
    masked = _masked(f, specs)
    if masked is not None:
        variants["masked"] = masked
    sets = list(variants.values())
    if f.wanted - reached:
        reached |= _lent(f, sets)
    if 0 < len(f.wanted - reached) <= READ:
        reached |= _read(f, f.wanted - reached, sets)
    modules = leaves(c.model).keys()
    by_design = len(modules - f.wanted - reached)
    return Found(variants, f.batch, sorted(modules - reached), len(modules), by_design, list(ran.messages)), None


def _fed(f: Feeder) -> _Ran:
    """Proposals until one reaches all, or enough were tried after the first that ran."""
    ran = _Ran()
    left = AFTER
    for proposal, called, raised in _with_repairs(f, proposals(f.context)):
        if raised is not None:
            ran.error = ran.error or raised
            ran.messages[str(raised)] = None
        else:
            ran.add(proposal, called)
            if f.wanted <= called:
                break
        left -= ran.best is not None
        if left <= 0 or f.left <= 0:
            break
    return ran


def _joined(f: Feeder, ran: _Ran) -> tuple[Proposal, set[str]]:
    """The best proposal, or if each modality ran beside text, all of them together."""
    best = ran.best
    modalities = frozenset().union(*(name.split("+") for name in ran.others if "text" in name))
    if modalities - best[0][0] and not f.wanted <= best[1]:
        whole = together(f.context, [(name.split("+"), specs) for name, (specs, _) in ran.others.items()])
        for proposal, called, raised in _with_repairs(f, [(modalities, whole)]):
            if raised is None and called - best[1]:
                return proposal, called
    return best


def _widest(f: Feeder, best: Proposal, reached: set[str]) -> tuple[Proposal, set[str]]:
    """The best proposal, or that with one modality more: some take two of them only beside a third."""
    modalities, specs = best
    if "text" not in modalities or len(reached) >= MOSTLY * len(f.wanted):
        return best, reached
    media = [name for name in features.media(f.context) if features.MEDIA[name][0] not in modalities]
    wider = (
        (modalities | {features.MEDIA[name][0]}, [*specs, *layout])
        for name in media
        for layout in features.layouts(f.context, name)[:WIDER]
    )
    for proposal, called, raised in _with_repairs(f, wider):
        if raised is None and called - reached:
            return proposal, called
    return best, reached


def _single(
    f: Feeder, modalities: frozenset[str], alone: dict[str, tuple[list[InputSpec], set[str]]]
) -> Iterator[tuple[str, tuple[list[InputSpec], set[str]]]]:
    """Each modality by itself, where a model takes that; otherwise, of three, with text alone; and a video that can't be fed beside an
    image."""
    for name in SINGLE if len(modalities) > 1 else ():
        found = (alone.get(name) or _alone(f, {name})) if name in modalities else None
        if found is not None:
            yield name, found
        elif {"text", name} < modalities:
            beside = _alone(f, {"text", name})
            if beside is not None:
                yield "+".join(sorted({"text", name})), beside
    if {"text", "image"} <= modalities and "video" not in modalities and f.context.takes("pixel_values_videos"):
        video = _alone(f, {"text", "video"})
        if video is not None:
            yield "text+video", video


def _enriched(f: Feeder, specs: list[InputSpec], reached: set[str]) -> Iterator[tuple[str, list[InputSpec], set[str]]]:
    """The richest set with one optional argument more, wherever that reaches more: prompts, masks, streams of another model."""
    c = f.context
    have = {spec.name for spec in specs}
    known = reached | _lent(f, [specs])
    for name in [name for name in c.arguments if name not in have][:OPTIONAL]:
        spec = named(c, name, specs)
        if spec is None:
            continue
        richer = [*specs, spec]
        called, raised = f.feed(richer)
        # More features take the place of more tokens.
        for again in repair.features(c, richer, str(raised), f.batch) if raised is not None else ():
            richer = again
            called, raised = f.feed(richer)
        called |= _lent(f, [richer]) if raised is None else set()
        if called - known:
            known |= called
            yield f"with {name}", richer, called


def _masked(f: Feeder, specs: list[InputSpec]) -> list[InputSpec] | None:
    """The richest set with patches that a token of their own stands for, as training masks them."""
    c = f.context
    if not c.takes("bool_masked_pos") or not any(name.endswith("mask_token") for name, _ in c.model.named_parameters()):
        return None
    spec = named(c, "bool_masked_pos", specs)
    if spec is None or any(have.name == spec.name for have in specs):
        return None
    masked = [*specs, spec]
    return masked if f.feed(masked)[1] is None else None


def _lent(f: Feeder, variants: list[list[InputSpec]]) -> set[str]:
    """Leaf modules that lend their weight to a function instead of being called: a backward reaches them."""
    model = f.context.model
    try:
        with recording():
            for specs in variants:
                torch.manual_seed(0)
                output = call(model, {spec.name: draw(spec, f.seed, f.batch) for spec in specs})
                total = sum(tensor.sum() for tensor in _floating(output) if tensor.requires_grad)
                if isinstance(total, torch.Tensor):
                    total.backward()
        parameters = {name: module._parameters.values() for name, module in leaves(model).items()}
        return {name for name, own in parameters.items() if any(p is not None and p.grad is not None for p in own)}
    except Exception:  # a model that can't be trained is no worse for it
        return set()
    finally:
        model.zero_grad(set_to_none=True)


def _read(f: Feeder, names: set[str], variants: list[list[InputSpec]]) -> set[str]:
    """Those of the leaf modules whose weights are looked up without a gradient: an output moves with them."""
    model = f.context.model
    modules = leaves(model)

    def outputs() -> list[torch.Tensor]:
        torch.manual_seed(0)
        given = [{spec.name: draw(spec, f.seed, f.batch) for spec in specs} for specs in variants]
        return [tensor.nan_to_num() for arguments in given for tensor in _floating(call(model, arguments))]

    def moves(straight: list[torch.Tensor]) -> bool:
        try:
            return not all(map(torch.equal, straight, outputs()))
        except Exception:  # what makes it raise is read
            return True

    found = set()
    with torch.no_grad():
        straight = outputs()
        for name in sorted(names):
            before = [(parameter, parameter.clone()) for parameter in modules[name].parameters()]
            for parameter, _ in before:
                parameter.add_(torch.randn(parameter.shape))
            if moves(straight):
                found.add(name)
            for parameter, value in before:
                parameter.copy_(value)
    return found


def _floating(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _floating(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _floating(item)


def _alone(f: Feeder, wanted: set[str]) -> tuple[list[InputSpec], set[str]] | None:
    """One modality by itself, or with text, without what is required of the others."""
    tried = 0
    for modalities, specs in proposals(f.context):
        if modalities != wanted:
            continue
        tried += 1
        called, raised = f.feed(specs)
        if raised is None:
            return specs, called
        if tried >= REPAIRS:
            break
    return None


def _with_repairs(f: Feeder, proposed: Iterable[Proposal]) -> Iterator[tuple[Proposal, set[str], BaseException | None]]:
    """Every proposal with the leaf modules that it reached, or the exception; then those with a size that an exception asked for."""
    c = f.context
    later: list[tuple[int, Proposal]] = []
    for modalities, specs in proposed:
        if not specs:
            continue
        called, raised = f.feed(specs)
        yield (modalities, specs), called, raised
        if raised is None:
            continue
        said = str(raised)
        for more in repair.features(c, specs, said, f.batch) + repair.length(c, specs, said) + repair.sides(specs, said):
            called, again = f.feed(more)
            yield (modalities, more), called, again
        later += [(REPAIRS, (modalities, more)) for more in repair.dimensions(specs, said)]
    # Behind the proposals that are known: a size that an error asks for may be asked for by a layout that is wrong.
    while later:
        left, (modalities, specs) = later.pop(0)
        called, raised = f.feed(specs)
        yield (modalities, specs), called, raised
        if raised is not None and left > 1:
            later += [(left - 1, (modalities, more)) for more in repair.dimensions(specs, str(raised))]
