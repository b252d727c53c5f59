"""Group `train`: gradients reach what they should, and gradient checkpointing changes nothing."""

from __future__ import annotations

import contextlib
import copy
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from assay import subjects
from assay.checks import oracle
from assay.checks.batch import note_oracle
from assay.checks.dropout import dropping
from assay.checks.sensitivity import DRAWS, effects, note_unused, projection, silent_tensors
from assay.checks.unit import OTHER_DRAWS, SubjectRaised, Tensors, Unit, of_subject, seed_generators, walk
from assay.observation import Observation, is_finite
from assay.subjects import labels
from assay.subjects.modules import attached, recording

OTHER_INPUTS = 4
"""How many inputs more, each with other random numbers for dropout and layers that are left out, are tried before the weights are drawn
again: two rows of a few tokens may leave an expert out, and do so in one of four tiny models with eight experts."""

MOVED = 1e-4
"""Share of a loss that is no rounding: float32's is 1e-7 to 2e-6 after the sum over a vocabulary, and other labels move the loss of a model
with drawn weights by a tenth."""

STEPS = (1e-9, 1e-7, 1e-8, 1e-5)
"""Shares of a parameter's size by which it is moved, in float64: a small one crosses few kinks (a vocoder's slope is wrong by 3e-3 at 1e-7
and by 3e-6 at 1e-9), a larger one leaves less of the rounding of deep nets (1e-8 at 1e-7)."""

OFF = 1e-4
"""Share of the slope by which gradients may be off: those of some 570 architectures are by 1e-6 at most, those that are cut off somewhere
by 2e-3 and more."""

ASTRAY = 1e-3
"""Share by which gradients in float32 and float64 differ where they are not those of the same function: rounding is a thousandth of it."""

GROUPS = 24
"""How many groups of parameters are told apart, at most, where gradients are wrong."""

DIRECTIONS = 3
"""How many random directions are tried before the gradients are said to be wrong."""

REFUSALS = r"does not support training"
"""How a class that takes labels says that it has no loss (PP-DocLayout)."""


@dataclass
class Gradients:
    """What one backward left behind."""

    of: dict[str, torch.Tensor | None]
    calls: Counter[str]
    """How often each module was called, forward and backward together."""


def gradients(unit: Unit) -> Observation:
    """Parameters with a gradient, of those that the output depends on; experts, of those that are stacked in one tensor."""
    seen = Observation()
    first = _first(unit)
    asked = {name for name in first.of if name not in silent_tensors(unit)} - _only_chosen_by(unit, first)
    experts = {name: len(first_of) for name, first_of in _stacked(unit.model).items() if name in asked}
    parts = {name for name in asked if name not in experts}
    parts |= {f"{name}[{expert}]" for name, count in experts.items() for expert in range(count)}
    broken = {name for name, gradient in first.of.items() if gradient is not None and not bool(gradient.isfinite().all())}
    lacking = parts - _moved(first, experts)
    by_design = subjects.untrained_tensors(unit.architecture, lacking)
    for found in _others(unit):
        if not lacking - by_design.keys():
            break
        lacking -= _moved(found, experts)
    by_design = {name: reason for name, reason in by_design.items() if name in lacking}
    note_unused(seen, by_design)
    seen.count("finite gradients", [name for name, gradient in first.of.items() if gradient is not None], sorted(broken))
    seen.count("parameters with a gradient", parts - by_design.keys(), sorted(lacking - by_design.keys()))
    seen.fields["measures"] = {"trained_tensors": len(asked), "experts": sum(experts.values())}
    return seen


def _only_chosen_by(unit: Unit, first: Gradients) -> set[str]:
    """Parameters that move the output through a choice alone (the best keys, the nearest code, a rounding), which has no gradient
    even where nothing is detached: they are for a loss of their own to train."""
    without = {name for name, gradient in first.of.items() if gradient is None or not gradient.any()}
    without = {name for name in without - silent_tensors(unit).keys() if not effects(unit).get(name)}
    if not without:
        return set()
    with training(unit), recording(), attached():
        lifted = backward(unit, unit.variants, unit.seed)
    return {name for name in without if lifted.of[name] is None or not lifted.of[name].any()}


def _stacked(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Tensors that hold one slice for each of several experts: of three dimensions, and biases beside them."""
    stacked = {}
    for owner, module in model.named_modules():
        own = {leaf: parameter for leaf, parameter in module._parameters.items() if parameter is not None}
        counts = {len(parameter) for parameter in own.values() if parameter.ndim == 3}
        if "expert" in type(module).__name__.lower() and len(counts) == 1:
            stacked |= {f"{owner}.{leaf}": tensor for leaf, tensor in own.items() if tensor.ndim > 1 and {len(tensor)} == counts}
    return stacked


def _moved(found: Gradients, experts: dict[str, int]) -> set[str]:
    """Parameters, and slices of stacked ones, with a gradient that is not zero."""
    moved = set()
    for name, gradient in found.of.items():
        if gradient is None:
            continue
        if name in experts:
            moved |= {f"{name}[{expert}]" for expert in gradient.flatten(1).count_nonzero(1).nonzero().flatten().tolist()}
        elif bool(gradient.any()):
            moved.add(name)
    return moved


def _first(unit: Unit) -> Gradients:
    """Gradients for the unit's own inputs and weights."""
    if "gradients" not in unit.__dict__:
        with training(unit):
            unit.__dict__["gradients"] = backward(unit, unit.variants, unit.seed)
    return unit.__dict__["gradients"]


def _others(unit: Unit) -> Iterator[Gradients]:
    """Gradients for other inputs, then for other weights."""
    names = subjects.variants(unit.recipe)

    def other(seed: int) -> Gradients:
        with training(unit):
            return backward(unit, [unit.make_inputs(seed, variant=name) for name in names], seed)

    for seed in range(unit.seed + 1, unit.seed + 1 + OTHER_INPUTS):
        yield other(seed)
    for more in range(1, DRAWS):
        with contextlib.suppress(SubjectRaised), unit.filled((unit.nonce + more) % 2**64):
            yield other(unit.seed + more)


@contextlib.contextmanager
def training(unit: Unit) -> Iterator[None]:
    """Within it the model trains; after it, all is as before. Batch norms keep their statistics: two rows have none."""
    modes = {module: module.training for module in unit.model.modules()}
    buffers = [(buffer, buffer.detach().clone()) for buffer in unit.model.buffers()]
    unit.model.train()
    for module in modes:
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
    try:
        with unit.as_rounded():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for buffer, before in buffers:
                if not torch.equal(buffer, before):
                    buffer.copy_(before)
        for parameter in unit.model.parameters():
            parameter.grad = None
        unit.forget()
        unit.detach()


def backward(unit: Unit, variants: list[Tensors], seed: int) -> Gradients:
    """Gradients of a random projection of all outputs, over all sets of inputs."""
    calls: Counter[str] = Counter()
    handles = [module.register_forward_hook(lambda *_, name=name: calls.update((name,))) for name, module in unit.model.named_modules()]

    def run(inputs: Tensors) -> None:
        unit.forget()
        seed_generators(seed)
        total, _ = projection(subjects.call(unit.model, {name: tensor.clone() for name, tensor in inputs.items()}), seed)
        if total.requires_grad:
            total.backward()

    try:
        for inputs in variants:
            of_subject(lambda inputs=inputs: run(inputs))
    finally:
        for handle in handles:
            handle.remove()
    of = {name: parameter.grad for name, parameter in unit.model.named_parameters() if parameter.requires_grad and parameter.numel()}
    for parameter in unit.model.parameters():
        parameter.grad = None
    return Gradients(of, calls)


def checkpointing(unit: Unit) -> Observation:
    """Gradients with the layers computed again in the backward, and which layers were."""
    seen = _checkpointed(unit, _hiding)
    # A mask of -1e10 hides a place in float32, and only nearly in float64: with it there is nothing to compare with (LongT5).
    far = any(row["oracle"] and row["oracle"]["reference"] > ASTRAY * row["rms_reference"] for row in seen.fields["comparisons"])
    return _checkpointed(unit, lambda its: its.variants) if far and unit.with_one_hidden else seen


def _checkpointed(unit: Unit, fed: Callable[[Unit], list[Tensors]]) -> Observation:
    """The same for these inputs."""
    seen = Observation()
    model = unit.model
    variants = fed(unit)
    with training(unit):
        straight = backward(unit, variants, unit.seed)
        of_subject(model.gradient_checkpointing_enable)
        try:
            again = backward(unit, variants, unit.seed)
        finally:
            of_subject(model.gradient_checkpointing_disable)
            if hasattr(model, "_require_grads_hook"):
                of_subject(model.disable_input_require_grads)
    layers = _layers(model, straight)
    seen.count("layers that are computed again", layers, [name for name in layers if not _more(name, straight, again)])
    silent = silent_tensors(unit)
    shown = [name for name, gradient in straight.of.items() if gradient is not None and name not in silent and gradient.any()]
    lost = [name for name in shown if again.of[name] is None]
    seen.count("parameters that still have a gradient", shown, lost)
    names = [name for name in shown if name not in lost]
    if names:
        sizes = [float(straight.of[name].norm()) for name in names]

        def joined(found: Gradients) -> torch.Tensor:
            return torch.cat([found.of[name].flatten() / size for name, size in zip(names, sizes, strict=True)])

        results = joined(again), joined(straight)
        exact = None
        if not torch.equal(*results):
            # Where several layers read one tensor, the sum of their gradients is taken in another order.
            wide = _exactly(unit, fed)
            exact = joined(wide) if wide is not None and all(wide.of[name] is not None for name in names) else None
        seen.compare("gradients, each over its own size", *results, exact)
    return seen


def mode(unit: Unit) -> Observation:
    """Outputs in train mode, in which nothing is dropped and no input changed at random, against those in eval mode."""
    seen = Observation()
    by_design = subjects.other_in_training(unit.architecture)
    if by_design is not None:
        seen.fields["unsupported"] = f"trains in another way by design: {by_design}"[:200]
        return seen
    for name, inputs in zip(unit.variant_names, unit.variants, strict=True):
        how = f" for {name}" if len(unit.variants) > 1 else ""
        reference, exact = unit.forward(inputs), unit.forward64(inputs) or {}
        with dropping(unit.model, 0.0, augments=True), training(unit):
            trained = unit.forward(inputs)
        for output, tensor in reference.items():
            # What is given out while it trains, or while it does not, is for its caller.
            if output in trained and tensor.numel():
                seen.compare(f"{output}{how}", trained[output], tensor, exact.get(output))
    note_oracle(seen, unit)
    return seen


def slope(unit: Unit) -> Observation:
    """How far a small step along a random direction moves the outputs, by the gradients and by two forwards, in float64."""
    seen = Observation()
    by_design = subjects.other_gradients(unit.architecture, {"detached", "estimated"})
    for reason in dict.fromkeys(by_design.values()):
        seen.note(f"gradients by design: {reason}")
    if "estimated" in by_design:
        seen.fields["unsupported"] = f"gradients are no slopes by design: {by_design['estimated']}"[:200]
        return seen
    try:
        wide = unit.in_float64()
        with training(wide), oracle.all_wide():
            for inputs in _fullest(wide.variants):
                _slopes(seen, wide, inputs, is_attached="detached" in by_design)
        if not seen.fields["tallies"]:  # whether there should be some is for `train.gradients`
            seen.fields["unsupported"] = "nothing that is given out has a gradient"
    except SubjectRaised as exception:  # what runs in float32 is for others to see
        seen.fields["unsupported"] = f"{type(exception.original).__name__}: {exception.original}"[:200]
    return seen


def _fullest(variants: list[Tensors]) -> list[Tensors]:
    """The sets of inputs that are no part of another: a text that is fed with an image, too."""
    return [inputs for inputs in variants if not any(inputs.keys() < others.keys() for others in variants)]


def _slopes(seen: Observation, unit: Unit, inputs: Tensors, is_attached: bool) -> None:
    """The same for one set of inputs, in train mode."""
    generator = torch.Generator().manual_seed(unit.seed)
    weights: Tensors = {}

    def total(outputs: Tensors) -> torch.Tensor:
        return sum((torch.where(its != 0, outputs[name], 0.0) * its).sum() for name, its in weights.items())

    with contextlib.ExitStack() as stack:
        if is_attached:
            stack.enter_context(recording())
            stack.enter_context(attached())
        first = _outputs(unit, inputs)
        for name, its in first.items():
            finite = torch.where(is_finite(its), its.data, 0.0)
            if its.is_floating_point() and its.requires_grad and finite.any():
                weights[name] = torch.where(is_finite(its), torch.randn(its.shape, generator=generator), 0.0) / finite.norm()
        if weights:
            of_subject(lambda: total(first).backward())
    gradients = {name: its.grad for name, its in unit.model.named_parameters() if its.grad is not None and its.grad.any()}
    if not gradients:
        return
    for parameter in unit.model.parameters():
        parameter.grad = None
    parameters = {name: unit.model.get_parameter(name) for name in gradients}
    kept = {name: its.detach().clone() for name, its in parameters.items()}
    # PyTorch's own: no gradient for the row of padding, whoever reads it.
    padding = {id(its.weight): its.padding_idx for its in unit.model.modules() if isinstance(its, torch.nn.Embedding)}

    def off(names: Iterable[str], seed: int, steps: Iterable[float]) -> tuple[float, float]:
        """By how much the two disagree at the best of some steps, and the size of the slope: a step that crosses a kink, or makes another
        choice, tells nothing."""
        generator = torch.Generator().manual_seed(seed)
        along = {name: torch.randn(kept[name].shape, generator=generator) * kept[name].square().mean().sqrt() for name in names}
        for name, its in along.items():
            if padding.get(id(parameters[name])) is not None:
                its[padding[id(parameters[name])]] = 0.0
        parts = [float((gradients[name] * its).sum()) for name, its in along.items()]
        size = sum(part**2 for part in parts) ** 0.5

        def at(step: float) -> float:
            with torch.no_grad():
                for name, its in along.items():
                    parameters[name].copy_(kept[name] + step * its)
                found = _outputs(unit, inputs)
            is_same = all(name in found and found[name].shape == its.shape for name, its in weights.items())
            return float(total(found)) if is_same else float("nan")

        least = float("inf")
        try:
            for step in steps:
                least = min(least, abs((at(step) - at(-step)) / (2 * step) - sum(parts)))
                if least <= OFF * size:
                    break
        finally:
            with torch.no_grad():
                for name in along:
                    parameters[name].copy_(kept[name])
        return least, size

    size, wrong = 0.0, []
    for more in range(DIRECTIONS):
        least, size = off(gradients, unit.seed + more, STEPS)
        if least <= OFF * size:
            break
    else:
        offs = {name: off(group, unit.seed, STEPS)[0] for name, group in _groups(gradients).items()}
        wrong = [name for name, its in offs.items() if its > OFF * size]
        # A slope is the sum of those of its parts: where all of them are right, the step for all crossed kinks.
        if not wrong and sum(offs.values()) > OFF * size:
            wrong = ["all together"]
    seen.tally("gradients that are how the outputs move", int(not wrong), 1, wrong)


def _groups(names: Iterable[str]) -> dict[str, list[str]]:
    """Parameters by the modules that they are in, as deep as makes no more than a few groups."""
    names = list(names)
    groups: dict[str, list[str]] = {}
    for depth in range(1, 8):
        deeper: dict[str, list[str]] = {}
        for name in names:
            deeper.setdefault(".".join(name.split(".")[:depth]), []).append(name)
        if groups and len(deeper) > GROUPS:
            break
        groups = deeper
    return groups


def _outputs(unit: Unit, inputs: Tensors) -> Tensors:
    """Outputs by name, with gradients where they are on, in the same random state each time."""

    def run() -> Tensors:
        unit.forget()
        oracle.clear_caches(unit.model)
        seed_generators(unit.seed)
        return dict(walk(subjects.call(unit.model, {name: tensor.clone() for name, tensor in inputs.items()})))

    return of_subject(run)


def _hiding(unit: Unit) -> list[Tensors]:
    """All sets of inputs, the first with a token that its mask hides: layers that are computed again are called in another way, and a mask
    of ones does not show whether they get it."""
    hiding = unit.with_one_hidden
    return [*hiding, *unit.variants[len(hiding) :]]


def _exactly(unit: Unit, fed: Callable[[Unit], list[Tensors]]) -> Gradients | None:
    """Gradients in float64; none where the model can't go backward there."""
    try:
        wide = unit.in_float64()
        with training(wide), oracle.all_wide():
            return backward(wide, fed(wide), unit.seed)
    except SubjectRaised:
        return None


def _layers(model: torch.nn.Module, straight: Gradients) -> list[str]:
    """Layers that are to be computed again: those of the library's own kind that were called and that gradients went through; of a
    model without any, the model."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    layers = []
    for name, module in model.named_modules():
        inner = f"{name}."
        is_called = any(straight.calls[f"{inner}{own}"] for own, _ in module.named_modules() if own)
        trained = any(gradient is not None and gradient.any() for its, gradient in straight.of.items() if its.startswith(inner))
        if isinstance(module, GradientCheckpointingLayer) and is_called and trained:
            layers.append(name)
    return layers or [""]


def _more(layer: str, straight: Gradients, again: Gradients) -> bool:
    inner = f"{layer}." if layer else ""
    return any(count > straight.calls[name] for name, count in again.calls.items() if name.startswith(inner))


def loss(unit: Unit) -> Observation:
    """The loss of a head for drawn labels: that it is one finite number, what it trains, and that it is of the labels."""
    seen = Observation()
    model = unit.model
    kind = labels.kind(unit.subject["auto_class"], model)
    assert kind is not None, "planned without the fact `loss`"

    def draw(seed: int) -> dict[str, Any]:
        return labels.draw(kind, model.config, unit.inputs, unit.reference, seed)

    drawn = draw(unit.seed)
    try:
        value = _value(unit, drawn)
    except SubjectRaised as exception:
        if not re.search(REFUSALS, str(exception.original)):
            raise
        seen.fields["unsupported"] = f"{type(exception.original).__name__}: {exception.original}"[:200]
        return seen
    seen.tally("a loss that is one finite number", int(value.numel() == 1 and bool(value.isfinite().all())), 1)
    moved = _trained(unit, drawn)
    gradients = {name: gradient for name, gradient in moved.items() if gradient is not None}
    broken = [name for name, gradient in gradients.items() if not gradient.isfinite().all()]
    seen.count("finite gradients of the loss", gradients, broken)
    trained = {name for name, gradient in gradients.items() if gradient.any()}
    lacking = _cut_off(unit, drawn, moved.keys() - trained)
    by_design = subjects.untrained_tensors(unit.architecture, lacking)
    note_unused(seen, by_design)
    seen.count("parameters that the loss trains", trained | (lacking - by_design.keys()), sorted(lacking - by_design.keys()))
    head = {name for name in _of_head(model, moved) if name not in silent_tensors(unit)}
    if head:
        seen.tally("a head that the loss trains", int(bool(head & trained)), 1)
    # With two rows of two classes each fourth draw is the same once more, and other labels may have the same loss by chance.
    others = (draw(unit.seed + more) for more in range(1, OTHER_DRAWS))
    seen.tally("a loss that its labels move", int(any(_differ(value, _value(unit, other)) for other in others)), 1)
    if kind == "tokens":
        rows = range(len(drawn["labels"]))
        parts = [_value(unit, _only(drawn, row)) for row in rows]
        seen.tally("a batch whose loss is the mean of those of its rows", int(not _differ(value, sum(parts) / len(parts))), 1)
    return seen


def _cut_off(unit: Unit, drawn: dict[str, Any], without: set[str]) -> set[str]:
    """Those of the parameters that the loss moves with, and that it does not train: something on the way is detached."""
    if not without:
        return set()
    try:
        with recording(), attached():
            lifted = _trained(unit, drawn)
    except SubjectRaised:  # a matching that NumPy makes can't follow what is not detached: then it can't be told
        return set()
    return {name for name in without if lifted[name] is not None and lifted[name].any()}


def _only(drawn: dict[str, Any], row: int) -> dict[str, Any]:
    """The labels of one row, those of the others to be ignored."""
    alone = torch.full_like(drawn["labels"], labels.IGNORED)
    alone[row] = drawn["labels"][row]
    return {"labels": alone}


def _differ(one: torch.Tensor, other: torch.Tensor) -> bool:
    return abs(float(one) - float(other)) > MOVED * max(abs(float(one)), abs(float(other)))


def _of_head(model: torch.nn.Module, names: Iterable[str]) -> list[str]:
    """Parameters outside the base model."""
    prefix = f"{getattr(model, 'base_model_prefix', '')}."
    inner = [name for name in names if name.startswith(prefix)]
    return [name for name in names if name not in inner] if inner else []


def _trained(unit: Unit, drawn: dict[str, Any]) -> dict[str, torch.Tensor | None]:
    """The gradients that the loss leaves in train mode, without which some can't go backward."""

    def run() -> dict[str, torch.Tensor | None]:
        seed_generators(unit.seed)
        inputs = {name: tensor.clone() for name, tensor in unit.inputs.items()}
        unit.model(**inputs, **copy.deepcopy(drawn)).loss.sum().backward()
        return {name: its.grad for name, its in unit.model.named_parameters() if its.requires_grad}

    with training(unit):
        return of_subject(run)


def _value(unit: Unit, drawn: dict[str, Any]) -> torch.Tensor:
    """The loss, dropout off."""

    def run() -> torch.Tensor:
        seed_generators(unit.seed)
        with torch.no_grad():
            value = unit.model(**{name: tensor.clone() for name, tensor in unit.inputs.items()}, **copy.deepcopy(drawn)).loss
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"with labels the loss is {type(value).__name__}")
        return value

    return of_subject(run)


def loss_value(unit: Unit) -> Observation:
    """The loss against the cross entropy of the scores that it is of; the tokens that a decoder is fed to say its labels; and the labels
    before and after."""
    seen = Observation()
    model, auto_class = unit.model, unit.subject["auto_class"]
    kind = labels.kind(auto_class, model)
    assert kind is not None, "planned without the fact `loss`"
    drawn = labels.draw(kind, model.config, unit.inputs, unit.reference, unit.seed)
    if kind == "tokens" and drawn["labels"].shape[1] > 2:
        drawn["labels"][:, 1] = labels.IGNORED
    given = copy.deepcopy(drawn)
    try:
        outputs = _labelled(unit, unit.inputs, given)
    except SubjectRaised as exception:
        if not re.search(REFUSALS, str(exception.original)):
            raise
        seen.fields["unsupported"] = f"{type(exception.original).__name__}: {exception.original}"[:200]
        return seen
    before = dict(walk(drawn))
    seen.count("labels that are left as they are", before, [name for name, after in walk(given) if not torch.equal(after, before[name])])
    by_design = subjects.other_labels(unit.architecture, {"entropy", "start"})
    for reason in dict.fromkeys(by_design.values()):
        seen.note(f"labels by design: {reason}")
    expected = None if "entropy" in by_design else labels.entropy(kind, auto_class, model.config, outputs, drawn)
    if expected is not None:
        seen.tally("a loss that is the cross entropy of its scores", int(not _differ(outputs["loss"], expected)), 1)
    tokens = unit.inputs.get("decoder_input_ids")
    if "start" not in by_design and labels.writes(auto_class) and tokens is not None and tokens.shape == drawn["labels"].shape:
        start = int(tokens.max())  # most pad with a small one
        bare = {name: tensor for name, tensor in unit.inputs.items() if not name.startswith("decoder_")}
        with labels.starting_with(model.config, start) as padding:
            told = {**bare, "decoder_input_ids": labels.after(start, drawn["labels"], padding)}
            agree = not _differ(_labelled(unit, bare, drawn)["loss"], _labelled(unit, told, drawn)["loss"])
        seen.tally("decoder tokens that are the labels, each one place later", int(agree), 1)
    return seen


def _labelled(unit: Unit, inputs: Tensors, drawn: dict[str, Any]) -> dict[str, Any]:
    """What the head gives out with labels, dropout off."""

    def run() -> Any:
        seed_generators(unit.seed)
        with torch.no_grad():
            return unit.model(**{name: tensor.clone() for name, tensor in inputs.items()}, **drawn)

    return of_subject(run)


OBSERVERS = {
    "train.gradients": gradients,
    "train.mode": mode,
    "train.slope": slope,
    "train.loss": loss,
    "train.loss_value": loss_value,
    "train.checkpointing": checkpointing,
}
