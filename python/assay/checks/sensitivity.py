"""Group `sensitivity`: what the output depends on."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import torch

from assay.checks.unit import SubjectRaised, Tensors, Unit, of_subject, seed_generators, walk
from assay.observation import Observation, comparison, is_finite
from assay.subjects import CONTENT, InputSpec, call, masks, stale_modules, unused_inputs
from assay.subjects.hiding import LEFT, hide
from assay.subjects.modules import Called, leaves, recording

CHANGE = 0.01
"""The relative change of a tensor whose effect is measured."""
LARGER = 0.3
"""The same where only a choice can tell: by so much at the first change, by so much more at each that follows."""
CHANGES = 4
"""How many such changes are tried, of which one has to show."""
FEWER = 1
"""The same for a tensor beside one that shows."""
DRAWS = 8
"""How many draws of all weights are tried until every module is reached and shows, and every input moves what it should. Some draws shut
a gate: a score below zero says that there is no object (SAM), and no mask shows."""
MAIN = ("logits", "last_hidden_state")
"""Of a model's outputs the first of these is the one to which every input contributes: an image whose features are handed out too may still
never have reached the text, and beside logits the states may be those of one tower. The decoder's tokens don't where the states are the
encoder's (transducers)."""
ECHO = "attention_mask"
"""An output that hands the mask on, and moves though nothing else does."""
SILENT = 1e-7
"""Below this share of the output's size a 1 % change of a whole tensor can't be told from float32's own error, 1e-7 to 2e-7
(FACTS.md)."""
MASKED = 5e3
"""What an output lowers to leave it out (by 10,000, or by all that a float can be) says nothing of its size: beside it a bias moves by
less than rounding."""
UNREACHED = "unreached"
"""The module is never called."""
CANCELLED = "cancelled"
"""A later step takes the change out again: a softmax the bias of its keys, a norm the size of what it divides."""
WITHOUT_EFFECT = "without_effect"
"""Called, and thrown away: tables for training, results that nobody reads."""
UNUSED = "unused_by_design"
"""As `designs.json` says."""
KINDS = (UNREACHED, CANCELLED, WITHOUT_EFFECT, UNUSED)


def of_input(unit: Unit) -> Observation:
    """Each content input redrawn in turn: the output that moves most, and the main one."""
    seen = Observation()
    unused = unused_inputs(unit.architecture, {spec.name for specs, _ in unit.fed for spec in specs})
    note_unused(seen, unused)
    known: set[str] = set()
    for specs, inputs in unit.fed:
        outputs = None
        for spec in specs:
            # Each input in the first set that has it.
            if spec.role not in CONTENT or spec.name in unused or spec.name in known:
                continue
            known.add(spec.name)
            outputs = outputs or (unit.reference if inputs is unit.inputs else unit.forward(inputs))
            rows = _redrawn(unit, spec, inputs, outputs)
            for nonce in _other_nonces(unit):
                if all(map(movement, rows)):
                    break
                with contextlib.suppress(SubjectRaised), unit.filled(nonce):
                    rows = _redrawn(unit, spec, inputs, unit.forward(inputs))
            seen.fields["comparisons"] += rows
    return seen


def _redrawn(unit: Unit, spec: InputSpec, inputs: Tensors, outputs: Tensors) -> list[dict]:
    """The output that moves most with one input drawn anew, and the main one; with once another draw where two images have the same
    codes."""
    rows: list[dict] = []
    for seed in (unit.seed + 7, unit.seed + 8):
        redrawn = unit.forward({**inputs, spec.name: unit.redraw(spec, seed)})
        rows = [
            comparison(f"{spec.name} redrawn: {name}", redrawn[name], tensor, None)
            for name, tensor in outputs.items()
            if name in redrawn and tensor.is_floating_point() and tensor.numel()
        ]
        if any(map(movement, rows)):
            break
    if not rows:
        return []
    most = max(rows, key=movement)
    main = next((row for name in MAIN for row in rows if row["label"].endswith(f": {name}")), most)
    return [most] if main is most or spec.role == "decoder_tokens" else [most, main]


def of_mask(unit: Unit) -> Observation:
    """Each mask over other things than text, with the end of the last row hidden: the output that moves most."""
    seen = Observation()
    for variant, (_, inputs) in zip(unit.variant_names, unit.fed, strict=True):
        for spec in masks(unit.recipe, variant):
            whole = inputs.get(spec.name, unit.redraw(spec, unit.seed))
            # A model may make no mask of none at all, and another of ones.
            outputs = unit.reference if inputs is unit.inputs and spec.name in inputs else unit.forward({**inputs, spec.name: whole})
            rows = [
                comparison(f"{spec.name} hides a part: {name}", hidden[name], tensor, None)
                for parts in LEFT
                for hidden in [unit.forward({**inputs, spec.name: hide(whole, parts)})]
                for name, tensor in outputs.items()
                if name in hidden and not name.endswith(ECHO) and tensor.numel()
            ]
            if rows:
                seen.fields["comparisons"].append(max(rows, key=movement))
    return seen


def movement(row: dict) -> float:
    if row["shape_mismatch"]:  # a waveform that is longer, matches that are fewer
        return float("inf")
    return row["rms_difference"] / row["rms_reference"] if row["rms_reference"] else row["rms_difference"]


def of_weights(unit: Unit) -> Observation:
    """Leaf modules that are reached and of which at least one tensor has an effect. The others are for `forward.reaches`."""
    seen = Observation()
    modules = {name: _tensors(unit, name, module) for name, module in leaves(unit.model).items() if name not in unreached(unit)}
    of_leaves = {tensor for name, module in leaves(unit.model).items() for tensor in _tensors(unit, name, module)}
    # A table of positions or a class token that a larger module keeps is a part of its own.
    modules |= {tensor: [tensor] for tensor in effects(unit) if tensor not in of_leaves}
    unused = _unused(unit)
    known = {name: tensors for name, tensors in modules.items() if tensors and not name.startswith(unused)}
    if unused:
        seen.note(f"unused by configuration (the layer that features are taken from): {', '.join(unused)}")

    def lacking_of(silent: dict[str, str]) -> set[str]:
        return {name for name, tensors in known.items() if silent.keys() >= set(tensors)}

    silent = dict(silent_tensors(unit))
    hidden, beyond = lacking_of(silent), unreached(unit)
    for draw, nonce in enumerate(_other_nonces(unit), 1):
        lacking = lacking_of(silent)
        if not lacking - unit.unused_modules(lacking).keys():
            break
        asked = {tensor for name in lacking for tensor in known[name]}
        with contextlib.suppress(SubjectRaised), unit.filled(nonce):
            other = unit.fed_anew(unit.seed + draw)  # of a table without a cell nothing shows either
            other.__dict__["unreached"] = beyond
            again = _silent(other, asked)
            silent = {name: kind for name, kind in silent.items() if name not in asked or name in again}
    lacking = lacking_of(silent)
    by_design = unit.unused_modules(lacking)
    note_unused(seen, by_design)
    if hidden > lacking and not unit.is_filled:
        seen.note(f"shows with drawn weights only, not with those of the checkpoint: {', '.join(sorted(hidden - lacking)[:20])}")
    seen.count("modules that the output depends on", known.keys() - by_design.keys(), sorted(lacking - by_design.keys()))
    if "backward_lacking" in unit.__dict__:
        seen.note(f"no backward, forwards tell: {unit.__dict__['backward_lacking']}")
    kinds = Counter(silent.values())
    seen.fields["measures"] = {
        "parameter_tensors": len(effects(unit)),
        "visible_parameter_tensors": len(effects(unit)) - len(silent),
        **{f"{kind}_parameter_tensors": kinds[kind] for kind in KINDS},
    }
    stale = stale_modules(unit.architecture, {name.rpartition(".")[0] for name in silent} | silent.keys(), unit.config)
    # A head may use what the architecture alone does not.
    if stale and unit.subject.get("auto_class", "AutoModel") == "AutoModel":
        seen.note(f"stale designs, for all that they name shows: {', '.join(stale)}")
    for kind in KINDS:
        names = [name for name, its in silent.items() if its == kind]
        if names and kind != UNUSED:  # said above, with the reason
            seen.note(f"{kind}: {', '.join(names[:20])}{' …' if len(names) > 20 else ''}")
    return seen


def note_unused(seen: Observation, unused: dict[str, str]) -> None:
    """Says which the architecture's own design leaves unused, and why."""
    for reason in dict.fromkeys(unused.values()):
        seen.note(f"unused by design ({', '.join(name for name, its in unused.items() if its == reason)}): {reason}")


def _other_nonces(unit: Unit) -> list[int]:
    """What all weights can be drawn from once more. A checkpoint's too: one that was hardly trained moves by less than float32's noise,
    and whether a module has an effect is a question about code."""
    return [(unit.nonce + more) % 2**64 for more in range(1, DRAWS)]


def unreached(unit: Unit) -> set[str]:
    """Leaf modules that no input calls and no gradient reaches, whatever the weights (some lend theirs to a function instead of being
    called)."""
    if "unreached" not in unit.__dict__:
        lacking = _unreached(unit)
        for nonce in _other_nonces(unit):
            if not lacking - unit.unused_modules(lacking).keys():
                break
            with contextlib.suppress(SubjectRaised), unit.filled(nonce):
                lacking &= _unreached(unit)
        unit.__dict__["unreached"] = lacking
    return unit.__dict__["unreached"]


def _unreached(unit: Unit) -> set[str]:
    """The same with the weights of now."""
    unit.forget()
    with Called(unit.model) as called:
        for inputs in unit.variants:
            unit.forward(inputs)
    reached = called.reached()
    uncalled = {name: module for name, module in called.modules.items() if name not in reached}
    moved = effects(unit) if uncalled else {}
    tensors = {name: _tensors(unit, name, module) for name, module in uncalled.items()}
    lacking = {name for name, own in tensors.items() if not any(moved.get(tensor) for tensor in own)}
    # A table that is looked up without a gradient: forwards tell.
    asked = {tensor: name for name in sorted(lacking - unit.unused_modules(lacking).keys()) for tensor in tensors[name]}
    return lacking - {asked[tensor] for tensor in _speaking(unit, list(asked), set())}


def _tensors(unit: Unit, name: str, module: torch.nn.Module) -> list[str]:
    """Names of a leaf module's own parameters; a tied one is known by the name that comes first."""
    return [f"{name}.{leaf}" for leaf in module._parameters if f"{name}.{leaf}" in effects(unit)]


def silent_tensors(unit: Unit) -> dict[str, str]:
    """Parameter tensors whose change shows at no output under the unit's own weights, with the kind of reason."""
    if "silent" not in unit.__dict__:
        unit.__dict__["silent"] = _silent(unit)
    return unit.__dict__["silent"]


def _silent(unit: Unit, asked: set[str] | None = None) -> dict[str, str]:
    """Parameter tensors, all or those that are asked for, whose change shows at no output, with the kind of reason. Where no gradient
    flows (codes, a choice of experts) forwards tell."""
    quiet = {name: value for name, value in effects(unit).items() if value < SILENT and (asked is None or name in asked)}
    beyond = unreached(unit)
    kinds = {name: UNREACHED if name.rpartition(".")[0] in beyond else CANCELLED for name in quiet}
    part = _parts(unit)
    speaking = {part[name] for name, value in effects(unit).items() if value >= SILENT}
    unused = unit.unused_modules({name.rpartition(".")[0] for name in kinds} | kinds.keys())
    by_configuration = _unused(unit)
    by_design = {name for name in kinds if unused.keys() & {name, name.rpartition(".")[0]} or name.startswith(by_configuration)}
    kinds |= dict.fromkeys(by_design, UNUSED)
    # A bias of keys beside a weight that shows is cancelled for sure: a forward for each would cost more than it tells.
    unsure = [name for name, kind in kinds.items() if kind == CANCELLED and (quiet[name] == 0 or part[name] not in speaking)]
    for name in _speaking(unit, unsure, speaking):
        del kinds[name]
    return kinds | {name: WITHOUT_EFFECT for name in unsure if name in kinds and quiet[name] == 0}


def _parts(unit: Unit) -> dict[str, str]:
    """The leaf module that each parameter is of; what a larger module keeps is a part of its own."""
    modules = leaves(unit.model)
    return {name: name.rpartition(".")[0] if name.rpartition(".")[0] in modules else name for name in effects(unit)}


def _speaking(unit: Unit, names: list[str], modules: set[str]) -> set[str]:
    """Those of the parameters of which a forward shows a change; `modules` are known to show. All are changed at once, and if that
    shows, one, then ever more as long as none shows: a decoder that nobody reads costs a few forwards, and not some for each tensor."""
    straight = [unit.forward(inputs) for inputs in unit.variants] if names else []
    modules, found, size, part = set(modules), set(), len(names), _parts(unit)
    while names:
        group = names[:size]
        changes = FEWER if modules.issuperset(part[name] for name in group) else CHANGES
        if not _speak(unit, group, straight, changes):
            names, size = names[size:], 2 * size
        elif size == 1:
            found.add(group[0])
            modules.add(part[group[0]])
            names = names[1:]
        else:
            size = 1
    return found


def _speak(unit: Unit, names: list[str], straight: list[Tensors], changes: int) -> bool:
    """Whether a forward shows one of a few larger changes of these parameters, each element by itself: a choice among experts sees no
    change that all share, and a single change may leave all choices as they were. What has no effect shows none of them."""
    parameters = [unit.model.get_parameter(name) for name in names]
    before = [parameter.detach().clone() for parameter in parameters]
    generator = torch.Generator().manual_seed(unit.seed)

    def shows(change: float) -> bool:
        with torch.no_grad():
            for parameter, kept in zip(parameters, before, strict=True):
                size = float(kept.pow(2).mean().sqrt()) or 1.0
                parameter.copy_(kept + change * size * torch.randn(kept.shape, generator=generator))
        unit.forget()
        try:
            return any(
                row["non_finite_mismatch"] or movement(row) > 1e3 * SILENT
                for inputs, outputs in zip(unit.variants, straight, strict=True)
                for after in [unit.forward(inputs)]
                for output, tensor in outputs.items()
                if output in after and tensor.numel()
                for row in [comparison(output, after[output], tensor, None)]
            )
        except SubjectRaised:  # what makes it raise has an effect
            return True

    try:
        return any(shows(LARGER * (1 + number)) for number in range(changes))
    finally:
        with torch.no_grad():
            for parameter, kept in zip(parameters, before, strict=True):
                parameter.copy_(kept)
        unit.forget()


def _unused(unit: Unit) -> tuple[str, ...]:
    """Prefixes of modules whose result the configuration itself throws away: where features are taken from a layer of the vision
    tower before its last (`vision_feature_layer`), what comes after that layer is computed for nothing."""
    vision = getattr(unit.config, "vision_config", None)
    chosen = getattr(unit.config, "vision_feature_layer", getattr(vision, "feature_layer", None))
    count = getattr(vision, "num_hidden_layers", None)
    if chosen is None or not isinstance(count, int):
        return ()
    indices = chosen if isinstance(chosen, (list, tuple)) else [chosen]
    # Hidden states begin with the embedding's: the one at index i is the output of layer i - 1.
    last = max(index if index >= 0 else count + 1 + index for index in indices)
    towers = [name.removesuffix(".0") for name, _ in unit.model.named_modules() if name.endswith(".layers.0") or name.endswith(".layer.0")]
    towers = [name for name in towers if re.search("vision|(image|video)_tower|img_processor", name)]
    layers = tuple(f"{tower}.{layer}." for tower in towers for layer in range(last, count))
    # Hidden states are taken before the norm that the tower ends in.
    after = tuple(f"{re.sub(r'[.](encoder|layers?)[.].*|[.]encoder$|[.]layers?$', '', tower)}.post_layernorm" for tower in towers)
    return layers + after


def effects(unit: Unit) -> dict[str, float]:
    """For each parameter that a backward can reach: the root mean square change of a random projection of all outputs, each over its own
    size, when the tensor changes by 1 % of each element, over the size of that projection. One backward shows it for all at once."""
    known = unit.__dict__.setdefault("effects", {})
    if unit.drawn in known:
        return known[unit.drawn]
    model = unit.model
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.is_floating_point() and parameter.numel()}
    frozen = [parameter for parameter in parameters.values() if not parameter.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(True)

    def backward(inputs: Tensors, context: Callable[[], AbstractContextManager[object]]) -> int:
        unit.forget()
        seed_generators(unit.seed)
        with context():
            total, count = projection(call(model, {name: tensor.clone() for name, tensor in inputs.items()}), unit.seed)
            if total.requires_grad:
                total.backward()
        return count

    try:
        size = 1.0
        # Some can't go backward where the library forbids it (weights edited in place), some not at all in eval mode (reversible layers):
        # then forwards tell.
        for context in (recording, torch.enable_grad):
            try:
                size = sum(of_subject(partial(backward, inputs, context)) for inputs in unit.variants) ** 0.5
                unit.__dict__.pop("backward_lacking", None)
                break
            except SubjectRaised as exception:
                unit.__dict__["backward_lacking"] = f"{type(exception.original).__name__}: {exception.original}"[:200]
                for parameter in parameters.values():
                    parameter.grad = None
        effect = {}
        for name, parameter in parameters.items():
            gradient = parameter.grad
            value = 0.0 if gradient is None else CHANGE * float((gradient * parameter.detach()).norm()) / max(size, 1e-30)
            effect[name] = value if value == value else 0.0
    finally:
        unit.forget()
        unit.detach()
        for parameter in parameters.values():
            parameter.grad = None
        for parameter in frozen:
            parameter.requires_grad_(False)
    known[unit.drawn] = effect
    return effect


def projection(output: object, seed: int) -> tuple[torch.Tensor, int]:
    """A random projection of all that can be differentiated, each output by its own size (a mask of -10,000 in one must not drown the
    others), and how many there are."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(())
    count = 0
    for tensor in _differentiable(output):
        clean = torch.where(is_finite(tensor), tensor, torch.zeros_like(tensor))
        values = clean.detach().double()
        size = float(torch.where(values.abs() < MASKED, values, 0.0).norm()) or float(values.norm())
        if size:
            total = total + (clean * torch.randn(tensor.shape, generator=generator)).sum() / size
            count += 1
    return total, count


def _differentiable(output: object) -> list[torch.Tensor]:
    return [tensor for _, tensor in walk(output) if tensor.is_floating_point() and tensor.requires_grad]


OBSERVERS = {"sensitivity.input": of_input, "sensitivity.mask": of_mask, "sensitivity.weights": of_weights}
