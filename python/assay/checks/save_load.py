"""Group `save_load`: through safetensors and back."""

from __future__ import annotations

import os
from typing import Any

import torch
from safetensors.torch import load_file

from assay.checks.unit import SubjectRaised, Unit, of_subject
from assay.observation import Observation


def roundtrip(unit: Unit) -> Observation:
    """Outputs before and after."""
    seen = Observation()
    loaded, _ = _loaded(unit)
    seen.compare_outputs(unit.forward(unit.inputs, loaded), unit.reference)
    return seen


def keys(unit: Unit) -> Observation:
    """Keys that are missing, unexpected or of another shape."""
    seen = Observation()
    _, info = _loaded(unit)
    names = list(unit.model.state_dict())
    missing = sorted(map(str, [*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])]))
    seen.tally("keys found again", max(0, len(names) - len(missing)), len(names), missing)
    unexpected = sorted(map(str, info["unexpected_keys"]))
    seen.tally("keys in the file that the model knows", len(names), len(names) + len(unexpected), unexpected)
    return seen


def tied(unit: Unit) -> Observation:
    """Groups of names that share a tensor."""
    seen = Observation()
    loaded, _ = _loaded(unit)
    before, after = _shared(unit.model), _shared(loaded)
    lost = [" = ".join(sorted(group)) for group in before if group not in after]
    seen.count("groups of shared weights", [" = ".join(sorted(group)) for group in before], lost)
    return seen


def twice(unit: Unit) -> Observation:
    """What is saved, and what is saved after loading it: one comparison per tensor."""
    seen = Observation()
    loaded, _ = _loaded(unit)
    again = os.path.join(unit.scratch, "again")
    of_subject(lambda: loaded.save_pretrained(again))
    first, second = _tensors(os.path.join(unit.scratch, "saved")), _tensors(again)
    names = sorted(first.keys() | second.keys())
    seen.count("tensors in both files", names, [name for name in names if name not in first or name not in second])
    for name in names:
        if name in first and name in second and first[name].numel():
            seen.compare(name, second[name], first[name])
    return seen


def _loaded(unit: Unit) -> tuple[torch.nn.Module, dict[str, Any]]:
    """The model saved and loaded, with what loading says; tried once."""
    if "loaded" not in unit.__dict__:
        try:
            unit.__dict__["loaded"] = of_subject(lambda: _save_and_load(unit))
        except SubjectRaised as exception:
            unit.__dict__["loaded"] = exception
    if isinstance(unit.__dict__["loaded"], SubjectRaised):
        raise unit.__dict__["loaded"]
    return unit.__dict__["loaded"]


def _save_and_load(unit: Unit) -> tuple[torch.nn.Module, dict[str, Any]]:
    folder = os.path.join(unit.scratch, "saved")
    unit.model.save_pretrained(folder)
    loaded, info = type(unit.model).from_pretrained(
        folder, output_loading_info=True, local_files_only=True, dtype=torch.float32, use_safetensors=True
    )
    return loaded.eval(), info


def _shared(model: torch.nn.Module) -> list[frozenset[str]]:
    groups: dict[int, set[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        groups.setdefault(id(parameter), set()).add(name)
    return [frozenset(names) for names in groups.values() if len(names) > 1]


def _tensors(folder: str) -> dict[str, torch.Tensor]:
    files = sorted(name for name in os.listdir(folder) if name.endswith(".safetensors"))
    return {key: value for name in files for key, value in load_file(os.path.join(folder, name)).items()}


OBSERVERS = {
    "save_load.roundtrip": roundtrip,
    "save_load.keys": keys,
    "save_load.tied": tied,
    "save_load.twice": twice,
}
