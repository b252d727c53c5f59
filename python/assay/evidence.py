"""Evidence that a real model ran: layers captured during its own forward, for the judge to compute again.

What is captured and why is said in `crates/assay-model/src/evidence.rs`; how it is examined in `assay-judge`, `proof.rs`. The
arithmetic of single layers is in `captured.py`.
"""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

import torch
import transformers
from transformers.core_model_loading import revert_weight_conversion

from assay import raised
from assay.captured import Call, call_of, kind_of, moving, weights_of
from assay.checks.unit import SubjectRaised, Tensors, Unit, named_tensors
from assay.subjects import Chain
from assay.weights.generator import words

PICKS = 6
SKETCH = 64
FILES = {"torch": torch.__file__, "transformers": transformers.__file__}
"""Where the libraries were imported from, before any preload ran."""


class NotFinite(Exception):
    """The forwards came to their end with numbers that JSON doesn't have and nobody can compute again."""


def show(unit: Unit) -> dict[str, Any]:
    """The `Evidence` of a unit."""
    shown = _nothing()
    shown["lacking"] = _substituted()
    if shown["lacking"]:
        return shown
    try:
        if not isinstance(unit.model, torch.nn.Module):
            shown["lacking"] = f"the model is a {_class(unit.model)}, not a torch.nn.Module"
            return shown
        _show_model(unit, shown)
        json.dumps(shown, allow_nan=False)
    except SubjectRaised as exception:
        return {**_nothing(), "raised": raised.describe(exception.original, "subject")}
    except NotFinite as exception:
        # The numbers are the model's.
        return {**_nothing(), "raised": raised.describe(exception, "subject")}
    except Exception as exception:
        return {**_nothing(), "raised": raised.describe(exception, "worker")}
    return shown


def _nothing() -> dict[str, Any]:
    return {
        "model_class": "",
        "eligible": [],
        "unmoved": 0,
        "known_layers": None,
        "first": [],
        "second": [],
        "sketches": [],
        "devices": [],
        "lacking": None,
        "raised": None,
        "parts": {},
    }


def _show_model(unit: Unit, shown: dict[str, Any]) -> None:
    first, outputs = _watch(unit, unit.inputs)
    second, other_input = _watch(unit, unit.other_inputs)
    other_weights = _other_weights(unit)
    for part, module in parts(unit.model).items():
        row = shown
        if part:
            row = shown["parts"][part] = _nothing()
        answers = {"first": outputs[part], "other_input": other_input[part], "other_weights": other_weights[part]}
        prefix = f"{part}." if part else ""
        calls = [{name: call for name, call in watched.items() if name.startswith(prefix)} for watched in (first, second)]
        _show_part(unit, row, module, calls, answers)


def parts(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """What has to be shown to be real, each by itself: the links of a workflow by name; a model as a whole."""
    return model.links() if isinstance(model, Chain) else {"": model}


def _show_part(
    unit: Unit, shown: dict[str, Any], module: torch.nn.Module, calls: list[dict[str, Call]], answers: dict[str, Tensors]
) -> None:
    """`calls` of layers in the first and the second forward, and the outputs of all three."""
    first, second = calls
    shown["model_class"] = _class(module)
    shown["known_layers"] = sum(kind_of(layer) is not None for layer in module.modules())
    shown["devices"] = sorted({tensor.device.type for tensor in [*module.parameters(), *answers["first"].values()]})
    if not answers["first"]:
        shown["lacking"] = "the output holds no tensor"
        return
    # In both, since an expert that the second input isn't routed to is no sign of a mock.
    names = _names(unit)
    both = sorted(name for name in first.keys() & second.keys() if first[name].is_named(names))
    places = {name: moving(first[name], second[name]) for name in both}
    # Where some layers move with the input, those that only see positions or queries prove nothing.
    chosen = [name for name in both if places[name] is not None] or both
    shown["unmoved"] = sum(place is None for place in places.values())
    moments = {name: [calls[name].moment(_place(places[name], calls[name]), names) for calls in (first, second)] for name in chosen}
    shown["eligible"] = [name for name in chosen if all(moment.is_finite() for moment in moments[name])]
    if both and not shown["eligible"]:
        raise NotFinite("every layer that could be computed again saw values that are not finite")
    picked = _picks(shown["eligible"], unit.nonce)
    shown["first"], shown["second"] = ([moments[name][which].as_json() for name in picked] for which in (0, 1))
    for of, answer in answers.items():
        shown["sketches"].append({"of": of, "values": _sketch(answer)})


def _names(unit: Unit) -> dict[int, str]:
    """Under which name the judge finds a parameter, by identity: of a checkpoint that in its files, where loading renames many (the
    library's own table says which); one that loading puts together of several is in no file."""
    own = {name: parameter.detach() for name, parameter in unit.model.named_parameters()}
    if unit.is_filled or not isinstance(unit.model, transformers.PreTrainedModel):
        written = own
    else:
        written = revert_weight_conversion(unit.model, dict(own))
    filed = {(tensor.data_ptr(), tensor.shape): name for name, tensor in written.items()}
    # What the files lack the library made up: nobody can draw it again, and `load.checkpoint` says it.
    made_up = {*unit.loading.get("missing_keys", ()), *(key[0] for key in unit.loading.get("mismatched_keys", ()))}
    places = {name: filed.get((tensor.data_ptr(), tensor.shape)) for name, tensor in own.items() if name not in made_up}
    return {id(parameter): places[name] for name, parameter in unit.model.named_parameters() if places.get(name) is not None}


def _place(moving: int | None, call: Call) -> int:
    return len(call.results()) - 1 if moving is None else moving


def _watch(unit: Unit, inputs: Tensors) -> tuple[dict[str, Call], dict[str, Tensors]]:
    """The first call of every layer whose arithmetic the judge knows, by name, during one forward; and the outputs of each part."""
    # A weight is drawn for the module that has it first: one that is tied to a module of another kind is not what its own kind says.
    drawn_for: dict[int, str | None] = {}
    for module in unit.model.modules():
        own = (*weights_of(module), *module.parameters(recurse=False))
        kind = kind_of(module) if own else None
        for parameter in own:
            drawn_for.setdefault(id(parameter), kind)
    calls: dict[str, Call | None] = {}
    mistakes: list[Exception] = []

    def keep(module: torch.nn.Module, arguments: tuple, keywords: dict, output: Any, name: str) -> None:
        if name not in calls:
            try:
                kind = kind_of(module)
                # Some models scale their weights in place as they run (RWKV): those are no longer what the nonce says.
                as_filled = all(
                    unit.versions.get(id(weight)) == weight._version and drawn_for.get(id(weight)) == kind for weight in weights_of(module)
                )
                calls[name] = call_of(name, module, arguments, keywords, output) if as_filled else None
            except Exception as exception:  # raised below: inside the model it would be laid at the model's door
                mistakes.append(exception)

    handles = [
        module.register_forward_hook(lambda *call, name=name: keep(*call, name), with_kwargs=True)
        for name, module in unit.model.named_modules()
        if kind_of(module)
    ]
    try:
        outputs = _outputs(unit, inputs)
    finally:
        for handle in handles:
            handle.remove()
    if mistakes:
        raise mistakes[0]
    return {name: kept for name, kept in calls.items() if kept is not None}, outputs


def _outputs(unit: Unit, inputs: Tensors) -> dict[str, Tensors]:
    """What each part gives out in one forward; a link of a workflow: at its first call."""
    answers: dict[str, Tensors] = {name: {} for name in parts(unit.model)}

    def keep(output: Any, name: str) -> None:
        if not answers[name]:
            answers[name] = {key: tensor.clone() for key, tensor in named_tensors(output).items()}

    links = {name: module for name, module in parts(unit.model).items() if name}
    handles = [module.register_forward_hook(lambda *call, name=name: keep(call[-1], name)) for name, module in links.items()]
    try:
        outputs = unit.forward(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return answers if links else {"": outputs}


def _other_weights(unit: Unit) -> dict[str, Tensors]:
    """Outputs with the weights of the second nonce; a checkpoint keeps its weights and gets a third input."""
    if not unit.is_filled:
        return _outputs(unit, unit.third_inputs)
    with unit.filled(unit.second_nonce):
        return _outputs(unit, unit.inputs)


def _substituted() -> str | None:
    """A library that something else was put in place of, in words."""
    for name, file in FILES.items():
        current = sys.modules.get(name)
        if not isinstance(current, ModuleType) or getattr(current, "__file__", None) != file:
            return f"`{name}` in this worker is a {_class(current)}, not the library that was imported first"
    return None


def _class(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _picks(eligible: list[str], nonce: int) -> list[str]:
    if not eligible:
        return []
    drawn = words(nonce, "assay.evidence", PICKS)
    return [eligible[i] for i in sorted({int(word) % len(eligible) for word in drawn})]


def _sketch(outputs: Tensors) -> list[float]:
    """Values at fixed positions over all floating outputs; the same positions each time since shapes are the same."""
    floating = [tensor.detach().float().reshape(-1) for tensor in outputs.values() if tensor.is_floating_point() and tensor.numel()]
    if not floating:
        return []
    share = max(1, SKETCH // len(floating))
    values = [tensor[:: max(1, tensor.numel() // share)][:share] for tensor in floating]
    joined = torch.cat(values)[:SKETCH]
    finite = [float(value) for value in joined if value.isfinite()]
    if not finite:
        raise NotFinite("no output has a finite value at the positions that are compared")
    return finite
