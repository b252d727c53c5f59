"""Group `load`: what happens before the first forward."""

from __future__ import annotations

import torch

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
    found = subjects.find_facts(unit.subject, unit.model, unit.config, unit.specs, unit.batch, unit.recipe.get("masks", {}))
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


OBSERVERS = {
    "load.config": config,
    "load.build": model_builds,
    "load.probe": probe,
    "load.initialised": initialised,
    "load.parameters": parameters,
}
