"""Group `load`: what happens before the first forward."""

from __future__ import annotations

import contextlib
import copy
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import PreTrainedModel

from assay import subjects
from assay.checks.unit import SubjectRaised, Unit, of_subject
from assay.observation import Observation
from assay.raised import NotAModel
from assay.subjects import build


def probe(unit: Unit) -> Observation:
    """The facts found now are those that the plan was made of."""
    seen = Observation()
    if unit.recipe is None:
        answer = subjects.probe(unit.subject, unit.platform, unit.seed)
        if "failed" in answer:
            seen.note(f"stage: {answer['failed']['stage']}")
            seen.fields["raised"] = answer["failed"]["raised"]
        elif "not_a_model" in answer:
            raise SubjectRaised(NotAModel(answer["not_a_model"]["detail"]))
        elif "missing_dependency" in answer:
            package = answer["missing_dependency"]["package"]
            raise SubjectRaised(ModuleNotFoundError(f"No module named '{package}'", name=package))
        else:
            seen.tally("probes", 0, 1, ["it failed when the plan was made and succeeds now"])
        return seen
    found = subjects.find_facts(unit.subject, unit.model, unit.config, unit.specs, unit.batch, unit.recipe)
    planned = unit.recipe["facts"]
    differing = [f"{key}: {found[key]}, planned {planned[key]}" for key in planned if found[key] != planned[key]]
    seen.count("facts as planned", planned, differing)
    return seen


def config(unit: Unit) -> Observation:
    """The default and the tiny configuration can be made."""
    of_subject(lambda: build.default_config(unit.subject))
    # Made here, so that its exception is this check's.
    unit.config  # noqa: B018
    return Observation()


def model_builds(unit: Unit) -> Observation:
    """The model can be built."""
    unit.model  # noqa: B018
    return Observation()


def initialised(unit: Unit) -> Observation:
    """The library sets and registers every tensor. Memory that torch hands out unset is filled with NaN (integers: their
    largest value) for the time of the build, so that what nobody set shows."""
    seen = Observation()
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    try:
        model = of_subject(lambda: subjects.make_model(unit.subject, unit.config))
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    unset = [name for name, tensor in tensors.items() if _is_unset(tensor)]
    seen.count("tensors that the library initialised", tensors, unset)
    hanging = [
        f"{name}.{attribute}".lstrip(".")
        for name, module in model.named_modules()
        for attribute, value in vars(module).items()
        if isinstance(value, torch.Tensor) and (value.is_floating_point() or value.is_complex())
    ]
    by_design = subjects.unregistered_tensors(unit.architecture, set(hanging))
    for name, reason in by_design.items():
        seen.note(f"not registered by design ({name}): {reason}")
    hanging = [name for name in hanging if name not in by_design]
    seen.tally("tensors that the library registered", len(tensors), len(tensors) + len(hanging), hanging)
    return seen


def _is_unset(tensor: torch.Tensor) -> bool:
    if tensor.numel() == 0:
        return False
    if tensor.is_floating_point() or tensor.is_complex():
        return bool(tensor.isnan().any())
    # torch fills booleans with a value that may be meant; and one largest integer among others is meant.
    return tensor.dtype != torch.bool and bool((tensor == torch.iinfo(tensor.dtype).max).all())


def parameters(unit: Unit) -> Observation:
    """The real build has the parameters of the build on `meta`, all of them in its state dict."""
    seen = Observation()
    model = unit.model
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    meta = of_subject(lambda: subjects.make_model(unit.subject, unit.config, meta=True))
    on_meta = {name: tuple(parameter.shape) for name, parameter in meta.named_parameters()}
    names = sorted(set(shapes) | set(on_meta))
    seen.count("parameters as on meta", names, [name for name in names if shapes.get(name) != on_meta.get(name)])
    state = model.state_dict()
    seen.count("parameters in the state dict", shapes, [name for name in shapes if name not in state])
    return seen


def checkpoint(unit: Unit) -> Observation:
    """Tensors of the model that the files lack, and tensors of the files that the model has no place for, as the library tells them: it
    leaves out what is tied, renamed, or computed anew. A part of another class of the architecture is no fault (a head, where the base
    model is loaded), nor are a lone number and integers, which are no weights but buffers that earlier releases saved (GPT-2's
    `masked_bias`), nor a tensor that the design leaves unused (of training alone)."""
    seen = Observation()
    model = unit.model
    named, own = (getattr(unit.config, "architectures", None) or ["no class"])[0], type(model).__name__
    if named != own:
        seen.note(f"the configuration names {named}, and {own} was loaded, which an auto class makes")
    lacking = {*unit.loading["missing_keys"], *(key[0] for key in unit.loading["mismatched_keys"])}
    unused = unit.unused_modules(lacking | {name.rpartition(".")[0] for name in lacking})
    by_design = {name for name in lacking if unused.keys() & {name, name.rpartition(".")[0]}}
    if by_design:
        seen.note(f"not in the files, and unused by design: {', '.join(sorted(by_design))}")
    seen.count(f"tensors of {own} that are in the files", (model.state_dict().keys() | lacking) - by_design, sorted(lacking - by_design))
    unexpected = unit.loading["unexpected_keys"]
    elsewhere = _elsewhere(model, unexpected) | _no_weights(unit, unexpected) if unexpected else {}
    for owner in sorted(set(elsewhere.values())):
        seen.note(f"left over, {owner}: {', '.join(sorted(name for name, its in elsewhere.items() if its == owner))}")
    state = model.state_dict()
    strays = sorted(unexpected - elsewhere.keys())
    seen.tally("tensors in the files that have a place in the model", len(state), len(state) + len(strays), strays)
    weights = {name for name, tensor in state.items() if tensor.is_floating_point()}
    whole = {name for name, (_, is_whole) in _held(unit).items() if is_whole}
    rounded = sorted(name for name in weights if name.removeprefix(f"{model.base_model_prefix}.") in whole)
    seen.count("weights that the files don't keep as whole numbers", weights, rounded)
    return seen


def _elsewhere(model: torch.nn.Module, names: set[str]) -> dict[str, str]:
    """Those of the tensors that another class of the same architecture has, built from the same configuration, with the name of that class.
    Buffers that were once saved and are computed now are the model's own."""
    prefix = f"{model.base_model_prefix}."
    found: dict[str, str] = {}
    for other in vars(sys.modules[type(model).__module__]).values():
        if not (isinstance(other, type) and issubclass(other, PreTrainedModel) and other.config_class is type(model.config)):
            continue
        # The class above all of them can't be built, nor can one that asks for more than a configuration.
        with contextlib.suppress(Exception), torch.device("meta"):
            built = other(copy.deepcopy(model.config))
            own = {name.removeprefix(prefix) for name, _ in [*built.named_parameters(remove_duplicate=False), *built.named_buffers()]}
            found |= {name: f"of {other.__name__}" for name in names - found.keys() if name.removeprefix(prefix) in own}
    return found


def _no_weights(unit: Unit, names: set[str]) -> dict[str, str]:
    """Those of the tensors that are lone numbers or integers."""
    prefix = f"{unit.model.base_model_prefix}."
    found = {name for name, (shape, is_whole) in _held(unit).items() if is_whole or not shape}
    return {name: "no weight" for name in names if name.removeprefix(prefix) in found}


def _held(unit: Unit) -> dict[str, tuple[list[int], bool]]:
    """The shape of each tensor of the files, and whether it is one of whole numbers; names are the base model's."""
    prefix, held = f"{unit.model.base_model_prefix}.", {}
    for path in Path(unit.subject["path"]).glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118
                tensor = file.get_slice(name)
                held[name.removeprefix(prefix)] = (tensor.get_shape(), tensor.get_dtype().startswith(("I", "U", "BOOL")))
    return held


OBSERVERS = {
    "load.config": config,
    "load.build": model_builds,
    "load.probe": probe,
    "load.initialised": initialised,
    "load.parameters": parameters,
    "load.checkpoint": checkpoint,
}
