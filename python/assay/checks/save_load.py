"""Group `save_load`: through safetensors and back."""

from __future__ import annotations

import os

import torch
from safetensors.torch import load_file
from transformers import MODEL_MAPPING

from assay.checks.unit import Unit, of_subject
from assay.observation import Observation


def roundtrip(unit: Unit) -> Observation:
    """Outputs before and after."""
    seen = Observation()
    loaded, _ = unit.loaded
    _align(loaded)
    seen.compare_outputs(unit.forward(unit.inputs, loaded), unit.reference)
    return seen


def _align(model: torch.nn.Module) -> None:
    """Moves the tensors of a model to where torch itself would put them. Those of a file lie where the file has them, at addresses beside a
    multiple of 64, where some processors' kernels round differently."""
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            tensor.data = tensor.data.clone()


def keys(unit: Unit) -> Observation:
    """Keys that are missing, unexpected or of another shape."""
    seen = Observation()
    _, info = unit.loaded
    names = list(unit.model.state_dict())
    missing = sorted(map(str, [*info["missing_keys"], *(key[0] for key in info["mismatched_keys"])]))
    seen.tally("keys found again", max(0, len(names) - len(missing)), len(names), missing)
    unexpected = sorted(map(str, info["unexpected_keys"]))
    seen.tally("keys in the file that the model knows", len(names), len(names) + len(unexpected), unexpected)
    _of_base(seen, unit)
    return seen


def _of_base(seen: Observation, unit: Unit) -> None:
    """Keys that the base class finds in the files of a head: those of the part of the head that is of this class."""
    try:
        base = MODEL_MAPPING[type(unit.model.config)]
    except (KeyError, ValueError):  # a base that the mapping does not have, or names and can't import
        return
    # One that lies deeper is part of a head that this head is made of, and its name is no prefix that the library knows.
    part = next((its for its in unit.model.children() if type(its) is base), None)
    if part is None or type(unit.model) is base:
        return
    loaded, info = of_subject(lambda: unit.load(unit.saved, kind=base, ignore_mismatched_sizes=True))
    own, found = part.state_dict(), loaded.state_dict()
    missing = {str(key) for key in info["missing_keys"]} & own.keys()
    # What is computed is in no file.
    lost = sorted(key for key in missing if key not in found or not torch.equal(own[key], found[key]))
    seen.count(f"keys that {base.__name__} finds in the files of the head", own, lost)


def tied(unit: Unit) -> Observation:
    """Groups of names that share a tensor."""
    seen = Observation()
    loaded, _ = unit.loaded
    before, after = _shared(unit.model), _shared(loaded)
    lost = [" = ".join(sorted(group)) for group in before if group not in after]
    seen.count("groups of shared weights", [" = ".join(sorted(group)) for group in before], lost)
    return seen


def twice(unit: Unit) -> Observation:
    """What is saved, and what is saved after loading it: one comparison per tensor."""
    seen = Observation()
    loaded, _ = unit.loaded
    again = os.path.join(unit.scratch, "again")
    of_subject(lambda: loaded.save_pretrained(again))
    first, second = _tensors(unit.saved), _tensors(again)
    names = sorted(first.keys() | second.keys())
    seen.count("tensors in both files", names, [name for name in names if name not in first or name not in second])
    for name in names:
        if name in first and name in second and first[name].numel():
            seen.compare(name, second[name], first[name])
    return seen


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
