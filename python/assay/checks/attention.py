"""Group `attention`: who sees whom."""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from transformers.cache_utils import Cache

from assay import subjects
from assay.checks import oracle
from assay.checks.batch import note_oracle
from assay.checks.covering import corner, half_hidden
from assay.checks.sensitivity import movement
from assay.checks.unit import SubjectRaised, Tensors, Unit, of_subject, seed_generators
from assay.observation import Observation, comparison
from assay.subjects import InputSpec

SEEN = 1e-5
"""A state that moves by more than this share of its size has seen what was changed: a hundred times float32's noise (FACTS.md), a
hundredth of what a changed token does."""
REDRAWS = 20
"""Draws until tokens are others: with four tokens to draw from, two rows agree every time once in 4^20."""
DECODER_TOKENS = "decoder_input_ids"
"""The decoder's tokens."""
DECODER_MASK = "decoder_attention_mask"
"""The mask over the decoder's tokens, which no other input asks for: fed by these checks alone."""


def causal(unit: Unit) -> Observation:
    """Outputs before the place from which on all tokens are others; with all tokens visible, and with one hidden by the mask, since
    padding is often where a causal mask is made anew. And those before an image or a sound that is another."""
    seen = Observation()
    spec = stream(unit)
    first = _behind(spec)
    straight = (unit.inputs, unit.reference, unit.reference64)
    runs = [("", first, {spec.name: _others(unit, spec, slice(first, None))}, straight)]
    if _can_hide(unit):
        place = _inner(_specs(unit)["tokens"])
        runs.append((f", token {place} hidden", first, runs[0][2], unit.hiding(_specs(unit)["attention_mask"].name, place)))
    begin = min((place for place, _ in spec.placed), default=0)
    if begin:
        other = [it.name for it in unit.specs if it.role in subjects.CONTENT and it.role not in ("tokens", "decoder_tokens", "token_types")]
        runs.append((" for other images and sounds", begin, {name: unit.other_inputs[name] for name in other}, straight))
    along = {name for name, tensor in unit.reference.items() if tensor.ndim > 1 and tensor.shape[:2] == (unit.batch, spec.shape[0])}
    for how, end, others, (inputs, outputs, exact) in runs:
        changed = unit.forward({**inputs, **others})
        if not how:
            # An image may have as many patches as there are tokens, which don't move them.
            along = {name for name in along if name not in changed or not torch.equal(changed[name], outputs[name])}
        for name, tensor in outputs.items():
            if name not in along:
                continue
            if name not in changed or changed[name].shape != tensor.shape:
                seen.compare_outputs({name: changed[name]} if name in changed else {}, {name: tensor})
                continue
            wide = (exact or {}).get(name)
            views = [view if view is None else view[:, :end] for view in (changed[name], tensor, wide)]
            seen.compare(f"{name} before token {end}{how}", *views)
    if "long" in unit.has and spec.role == "tokens":  # of an encoder's tokens a decoder sees all
        for name in along:
            tensor, longer = unit.reference[name], unit.long_reference.get(name)
            if longer is not None and longer.ndim == tensor.ndim:
                exact = (unit.reference64 or {}).get(name)
                seen.compare(f"{name}, when more tokens follow", longer[:, : tensor.shape[1]], tensor, exact)
    note_oracle(seen, unit)
    return seen


def bidirectional(unit: Unit) -> Observation:
    """The output that moves most at the first token when the second is another: some that look both ways don't see far. A head that pools
    gives out nothing for a token: it is taken as a whole. The weights of a checkpoint that was hardly trained may hide it: then drawn ones
    tell."""
    seen = Observation()
    row = _moved_by_second(unit, unit.reference)
    if row and movement(row) <= SEEN and not unit.is_filled:
        with unit.filled(unit.second_nonce):
            row = _moved_by_second(unit, unit.forward(unit.inputs))
        seen.note("seen with drawn weights: with those of the checkpoint it is below float32's noise")
    if row:
        seen.fields["comparisons"].append(row)
    return seen


def _moved_by_second(unit: Unit, reference: Tensors) -> dict[str, Any] | None:
    spec = next(spec for spec in unit.specs if spec.role == "tokens")
    changed = unit.forward({**unit.inputs, spec.name: _others(unit, spec, slice(1, 2))})
    shown = {name: tensor for name, tensor in reference.items() if name in changed and tensor.is_floating_point()}
    rows = [
        comparison(f"{name} at the first token", changed[name][:, 0], tensor[:, 0], None)
        for name, tensor in shown.items()
        if _has_states(tensor, unit, spec)
    ]
    rows = rows or [comparison(name, changed[name], tensor, None) for name, tensor in shown.items()]
    return max(rows, key=movement, default=None)


def mask(unit: Unit) -> Observation:
    """Outputs at all other tokens when a token that the mask hides is another one; and those without a mask, which hides nothing."""
    seen = Observation()
    specs = _specs(unit)
    if {spec.role for spec in unit.specs} <= subjects.TEXT:  # beside images a mask says more than what is padding
        _compare_omitted(seen, unit, specs["attention_mask"].name)
    streams = [(specs["tokens"], specs["attention_mask"].name)]
    if "decoder_tokens" in specs and DECODER_MASK in inspect.signature(unit.model.forward).parameters:
        streams.append((specs["decoder_tokens"], DECODER_MASK))
    for spec, name in streams:
        _compare_hidden(seen, unit, spec, name)
    note_oracle(seen, unit)
    return seen


def _compare_omitted(seen: Observation, unit: Unit, its_mask: str) -> None:
    """Outputs for the inputs without their mask of ones, where it may be left out."""
    parameter = inspect.signature(unit.model.forward).parameters.get(its_mask)
    if parameter is None or parameter.default is not None or not bool(unit.inputs[its_mask].all()):
        return
    try:
        outputs = unit.forward({name: its for name, its in unit.inputs.items() if name != its_mask})
    except SubjectRaised as exception:  # that it can be left out is for the library to promise
        seen.note(f"without a mask: {type(exception.original).__name__}: {exception.original}"[:200])
        return
    for name, tensor in unit.reference.items():
        if name in outputs and tensor.numel() and outputs[name].shape == tensor.shape:
            seen.compare(f"{name}, without a mask", outputs[name], tensor, (unit.reference64 or {}).get(name))


def _compare_hidden(seen: Observation, unit: Unit, spec: InputSpec, its_mask: str) -> None:
    # Some pool where the highest token is (the end of a text, to CLIP's kin), hidden or not: it stays where it is.
    place = _inner(spec, unit.inputs[spec.name].argmax(1).tolist())
    hidden, reference, exact = unit.hiding(its_mask, place, spec.shape[0])
    if _makes_decoder_tokens(unit):
        hidden = {**hidden, DECODER_TOKENS: unit.inputs[spec.name]}
        reference, exact = unit.forward(hidden), unit.forward64(hidden)
    changed = unit.forward({**hidden, spec.name: _others(unit, spec, slice(place, place + 1), keeps_highest=True)})
    for name, tensor in reference.items():
        if tensor.ndim == 0 or tensor.shape[0] != unit.batch or not tensor.numel() or "attentions" in name:
            continue  # of the whole batch: a loss, scores of a router; and what the hidden token itself attends to
        if name not in changed or changed[name].shape != tensor.shape:
            seen.compare_outputs({name: changed[name]} if name in changed else {}, {name: tensor})
            continue
        views = _without(place, spec, unit, changed[name], tensor, (exact or {}).get(name))
        seen.compare(f"{name}, {spec.role.replace('_', ' ').removesuffix('s')} {place} hidden", *views)


def _makes_decoder_tokens(unit: Unit) -> bool:
    """Whether the decoder, fed nothing, is given the encoder's tokens, the hidden one among them, which it may see: heads that classify
    (BART, T5)."""
    takes = DECODER_TOKENS in inspect.signature(unit.model.forward).parameters
    return takes and unit.model.config.is_encoder_decoder and DECODER_TOKENS not in unit.inputs


def _without(
    place: int, spec: InputSpec, unit: Unit, result: torch.Tensor, reference: torch.Tensor, exact: torch.Tensor | None
) -> list[torch.Tensor | None]:
    """Outputs without the state of one token, if they have one."""
    views = [result, reference, exact]
    if not _has_states(reference, unit, spec):
        return views
    own = _own_place(result, reference, spec, place)
    return [view if view is None else torch.cat([view[:, :own], view[:, own + 1 :]], 1) for view in views]


def _can_hide(unit: Unit) -> bool:
    """Whether the mask can hide a token in the middle."""
    return _specs(unit).keys() >= {"tokens", "attention_mask"} and "mask" in _facts(unit)


def _facts(unit: Unit) -> list[str]:
    """What the probe found of the architecture (a test's: what it is taken to be)."""
    return unit.recipe.get("facts", {}).get("has", ["mask"])


def _has_states(tensor: torch.Tensor, unit: Unit, spec: InputSpec) -> bool:
    """Whether an output has a state for each token, or for each token and more (patches of an image in front of them, or behind)."""
    return tensor.ndim > 1 and tensor.shape[0] == unit.batch and tensor.shape[1] >= spec.shape[0]


def _own_place(changed: torch.Tensor, tensor: torch.Tensor, spec: InputSpec, place: int) -> int:
    """Where the state of a token is: among those of more than the tokens the one that moves most."""
    if tensor.shape[1] == spec.shape[0]:
        return place
    return int((changed.double() - tensor.double()).abs().transpose(0, 1).flatten(1).sum(1).argmax())


def implementations(unit: Unit) -> Observation:
    """Outputs by eager attention against those by the fused one (SDPA) for every set of inputs, and for the first one with a token
    hidden, since each has its own kind of mask; and whether they are two. Both in float64, where the model can run so, and then told in
    float32: what is left of rounding is nothing, and of what SAM 2 narrows between frames as well."""
    seen = Observation()
    specs = _specs(unit)
    names = subjects.variants(unit.recipe)
    sets = [(f" for {name}" if len(names) > 1 else "", inputs) for name, inputs in zip(names, unit.variants, strict=True)]
    if _can_hide(unit):
        place = _inner(specs["tokens"])
        sets.append((f", token {place} hidden", unit.hiding(specs["attention_mask"].name, place)[0]))
    sets += [(f", the end of {its} covered", inputs) for its, inputs in _covered(unit)]
    is_wide = unit.reference64 is not None
    model = unit.model64 if is_wide else unit.model

    def run(model: torch.nn.Module) -> list[Tensors]:
        oracle.clear_caches(model)
        outputs = [(unit.forward64 if is_wide else unit.forward)(inputs, model) or {} for _, inputs in sets]
        return [{name: _told(tensor) for name, tensor in each.items()} for each in outputs]

    with _Counting() as fused:
        references = run(model)
    with _Counting() as eager, _eagerly(model):
        results = run(model)
    if eager.calls == fused.calls:
        # An older way: attention is chosen when the model is built.
        built = of_subject(lambda: _built_eager(unit))
        with _Counting() as eager:
            results = run(oracle.widened(built) if is_wide else built)
    oracle.clear_caches(model)
    for (how, _), reference, result in zip(sets, references, results, strict=True):
        for name, tensor in reference.items():
            if name not in result or result[name].shape != tensor.shape:
                seen.compare_outputs({name: result[name]} if name in result else {}, {name: tensor})
            elif tensor.numel():
                views = [result[name], tensor, None]
                if "covered" in how:
                    views = [view if view is None else corner(view, unit.batch) for view in views]
                elif "hidden" in how:
                    # What sees nothing but itself, and is hidden, has a state that says nothing.
                    views = _without(_inner(specs["tokens"]), specs["tokens"], unit, *views)
                seen.compare(name + how, *views)
    # Some parts have one way only (timm's towers).
    # Where the fused one is not called at all, the model attends in a way of its own, by either name.
    if fused.calls:
        seen.tally("implementations, of eager and fused", 1 + (eager.calls < fused.calls), 2)
    seen.note(f"{fused.calls} calls of fused attention, {eager.calls} of them without another way")
    note_oracle(seen, unit)
    return seen


def _covered(unit: Unit) -> Iterator[tuple[str, Tensors]]:
    """Inputs whose masks hide half of an image or a sound, each with its name. Not beside a text, whose places may follow from the mask."""
    fed = dict(zip(unit.variant_names, unit.fed, strict=True))
    for variant, its_mask, spec in subjects.covered(unit.recipe, unit.architecture) if "covering_masks" in _facts(unit) else ():
        specs, inputs = fed[variant]
        if not any(other.role == "tokens" for other in specs):
            yield spec.name, half_hidden(unit, inputs, its_mask)


def _told(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def window(unit: Unit) -> Observation:
    """Layer by layer, which states see the first one: all, or as many as the layer's window holds."""
    seen = Observation()
    config = unit.model.config.get_text_config()
    both_ways = "bidirectional" in _facts(unit)
    calls: dict[str, tuple[tuple, dict]] = {}
    layers = {name: kind for name, kind in _layers(unit.model, config) if kind in subjects.WINDOWED}

    def keep(name: str) -> Any:
        return lambda module, arguments, keywords: calls.setdefault(name, (arguments, keywords)) and None

    handles = [unit.model.get_submodule(name).register_forward_pre_hook(keep(name), with_kwargs=True) for name in layers]
    try:
        unit.forward(unit.inputs)
    finally:
        for handle in handles:
            handle.remove()
    for name, kind in layers.items():
        if name not in calls:
            continue
        length = _size(config, kind, int(name.rpartition(".")[2]))
        if length is not None and both_ways:
            length += 1  # as far as the window to either side, and itself
        moved = _moved_by_first(unit, name, *calls[name])
        wrong = [at for at, sees in enumerate(moved) if sees != (length is None or at < length)]
        label = f"{name} ({kind}{'' if length is None else f' of {length}'}): states that see the first one as they should"
        seen.count(label, map(str, range(len(moved))), [f"state {at} {'sees' if moved[at] else 'does not see'} it" for at in wrong])
    return seen


def stream(unit: Unit) -> InputSpec:
    """The tokens that are read from the first to the last: the decoder's, if it has some."""
    specs = _specs(unit)
    return specs.get("decoder_tokens") or specs["tokens"]


def _specs(unit: Unit) -> dict[str, InputSpec]:
    """The first input of each role."""
    return {spec.role: spec for spec in reversed(unit.specs)}


def _behind(spec: InputSpec) -> int:
    """The place in the middle, and behind all tokens that stand for something else."""
    return max([spec.shape[0] // 2, *(place + 1 for place, _ in spec.placed if place + 1 < spec.shape[0])])


def _inner(spec: InputSpec, taken: Iterable[int] = ()) -> int:
    """A token in the middle that stands for nothing else, and none of those that are taken: heads pool the first or the last."""
    placed = {place for place, _ in spec.placed}
    inner = [place for place in range(1, spec.shape[0] - 1) if place not in placed]
    middle = spec.shape[0] // 2
    return min(inner, key=lambda place: (place in taken, abs(place - middle)))


def _others(unit: Unit, spec: InputSpec, places: slice, *, keeps_highest: bool = False) -> torch.Tensor:
    """The tokens with others in some places, the first of which is another in every row."""
    tokens = unit.inputs[spec.name].clone()
    before = tokens[:, places].clone()
    highest = tokens.argmax(1)
    for seed in range(unit.seed + 3_000, unit.seed + 3_000 + REDRAWS):
        tokens[:, places] = unit.redraw(spec, seed)[:, places]
        is_other = bool((tokens[:, places][:, 0] != before[:, 0]).flatten(1 if tokens.ndim > 2 else 0).any(-1).all())
        if is_other and not (keeps_highest and bool((tokens.argmax(1) != highest).any())):
            break
    return tokens


class _Counting(TorchFunctionMode):
    """Counts calls of fused attention."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_function__(self, function: Any, types: Any, arguments: tuple = (), keywords: dict | None = None) -> Any:
        del types
        self.calls += function is torch.nn.functional.scaled_dot_product_attention
        return function(*arguments, **(keywords or {}))


@contextlib.contextmanager
def _eagerly(model: torch.nn.Module) -> Iterator[None]:
    """Within it the model attends eagerly; behind it each part as before."""
    configs = {id(module.config): module.config for module in model.modules() if _chooses(module)}
    before = [(config, config._attn_implementation) for config in configs.values()]
    of_subject(lambda: model.set_attn_implementation("eager"))
    try:
        yield
    finally:
        for config, implementation in before:
            config._attn_implementation_internal = implementation


def _chooses(module: torch.nn.Module) -> bool:
    return hasattr(getattr(module, "config", None), "_attn_implementation")


def _built_eager(unit: Unit) -> torch.nn.Module:
    """A model of the same weights that was built to attend eagerly."""
    config = copy.deepcopy(unit.config)
    config._attn_implementation = "eager"
    model = subjects.make_model(unit.subject, config)
    model.load_state_dict(unit.model.state_dict())
    return model


def _layers(model: torch.nn.Module, config: Any) -> Iterator[tuple[str, str]]:
    """Names of the layers of the text model, each with its kind."""
    kinds = subjects.layer_kinds(config)
    for name, module in model.named_modules():
        if getattr(module, "config", None) is config and isinstance(getattr(module, "layers", None), torch.nn.ModuleList):
            prefix = f"{name}.layers".lstrip(".")
            for index, (layer, kind) in enumerate(zip(module.layers, kinds, strict=False)):
                # Some layers attend to the keys of an earlier one.
                if not any(getattr(part, "is_kv_shared_layer", False) for part in layer.modules()):
                    yield f"{prefix}.{index}", kind
            return


def _size(config: Any, kind: str, layer: int) -> int | None:
    """How many states a layer sees, itself included; none: all before it."""
    name = {"sliding_attention": "sliding_window", "chunked_attention": "attention_chunk_size"}.get(kind)
    own = config.per_layer_config[layer] if getattr(config, "per_layer_config", None) else config
    return getattr(own, name, None) if name else None


def _moved_by_first(unit: Unit, name: str, arguments: tuple, keywords: dict[str, Any]) -> list[bool]:
    """For each state that a layer gives out, whether it moves with the first one that goes in."""
    layer = unit.model.get_submodule(name)
    arguments = tuple(_uncached(argument) for argument in arguments)
    keywords = {key: False if key == "use_cache" else _uncached(value) for key, value in keywords.items()}
    hidden = arguments[0] if arguments else keywords.pop("hidden_states")
    axis = hidden.ndim - 2

    def run(states: torch.Tensor) -> torch.Tensor:
        seed_generators(unit.seed)
        with torch.no_grad():
            output = layer(states, *arguments[1:], **keywords)
        return output[0] if isinstance(output, tuple) else output

    other = hidden.clone()
    other.select(axis, 0).copy_(hidden.select(axis, 0).flip(-1))
    straight, moved = of_subject(lambda: run(hidden)), of_subject(lambda: run(other))
    size = straight.double().pow(2).mean().sqrt()
    difference = (moved - straight).double().pow(2).transpose(0, axis).flatten(1).mean(1).sqrt()
    return (difference > SEEN * size).tolist()


def _uncached(argument: Any) -> Any:
    return None if isinstance(argument, Cache) else argument


OBSERVERS = {
    "attention.causal": causal,
    "attention.bidirectional": bidirectional,
    "attention.mask": mask,
    "attention.implementations": implementations,
    "attention.window": window,
}
