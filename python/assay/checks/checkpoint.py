"""Group `checkpoint`: weights that are damaged on the way are refused, or what is missing is said."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from assay import raised
from assay.checks.unit import SubjectRaised, Unit, of_subject
from assay.observation import Observation

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLE = "pytorch_model.bin"
LENGTH_BYTES = 8
"""The header's length comes before it (the format of safetensors)."""
SHARDS = 4


def truncated(unit: Unit) -> Observation:
    """The file cut off: before its last byte, within the tensors, within the header, within the header's length."""
    seen = Observation()
    with _copy(unit) as folder:
        file = os.path.join(folder, WEIGHTS)
        size, header = os.path.getsize(file), len(_header(file))
        for length in (size - 1, LENGTH_BYTES + header, LENGTH_BYTES + header // 2, LENGTH_BYTES // 2, 0):
            os.truncate(file, length)
            _refused(seen, unit, folder, f"{length} of {size} bytes", WEIGHTS)
    return seen


def header(unit: Unit) -> Observation:
    """One bit of the header flipped: in its length, its first byte, and a tensor's type, shape and place."""
    seen = Observation()
    with _copy(unit) as folder:
        file = os.path.join(folder, WEIGHTS)
        text = _header(file)
        tensor = next(name for name in json.loads(text) if name != "__metadata__")
        own = text.index(json.dumps(tensor).encode())
        places = {"length": -LENGTH_BYTES, "first byte": 0}
        for field in (b"dtype", b"shape", b"data_offsets"):
            found = re.compile(rb'"' + field + rb'":\W*\w').search(text, own)
            if found:
                places[f"{field.decode()} of {tensor}"] = found.end() - 1
        for label, place in places.items():
            _flip(file, LENGTH_BYTES + place)
            _refused(seen, unit, folder, f"a bit of the header flipped: {label}", WEIGHTS)
            _flip(file, LENGTH_BYTES + place)
    return seen


def wrong_shape(unit: Unit) -> Observation:
    """A tensor that is longer by one."""
    seen = Observation()
    with _copy(unit) as folder:
        file = os.path.join(folder, WEIGHTS)
        tensors = load_file(file)
        key, _ = _expected(unit, tensors)
        tensors[key] = torch.cat([tensors[key], tensors[key][:1]])
        save_file(tensors, file, metadata={"format": "pt"})
        _refused(seen, unit, folder, f"{key} of the shape {list(tensors[key].shape)}", key)
    return seen


def missing_shard(unit: Unit) -> Observation:
    """A shard that is gone, and an index that names one that never was."""
    seen = Observation()
    with _shards(unit) as folder:
        index = _index(folder)
        name, shard = next(iter(index["weight_map"].items()))
        os.rename(os.path.join(folder, shard), os.path.join(folder, "gone"))
        _refused(seen, unit, folder, f"without {shard}", shard)
        os.rename(os.path.join(folder, "gone"), os.path.join(folder, shard))
        index["weight_map"][name] = "nowhere.safetensors"
        with open(os.path.join(folder, INDEX), "w", encoding="utf-8") as file:
            json.dump(index, file)
        _refused(seen, unit, folder, "an index that names a file that is not there", "nowhere.safetensors")
    return seen


def missing_keys(unit: Unit) -> Observation:
    """A tensor that is in no file, in one that the index names and does not hold it, and under a name with a flipped bit. The library
    promises no refusal: it says which are missing."""
    seen = Observation()
    with _copy(unit) as folder:
        file = os.path.join(folder, WEIGHTS)
        tensors = load_file(file)
        key, name = _expected(unit, tensors)
        other = key[:-1] + chr(ord(key[-1]) ^ 1)
        tensors[other] = tensors.pop(key)
        save_file(tensors, file, metadata={"format": "pt"})
        _missed(seen, unit, folder, f"{key} is {other}", name)
        del tensors[other]
        save_file(tensors, file, metadata={"format": "pt"})
        _missed(seen, unit, folder, f"{key} is not in the file", name)
    with _shards(unit) as folder:
        shard = os.path.join(folder, _index(folder)["weight_map"][key])
        rest = {own: tensor for own, tensor in load_file(shard).items() if own != key}
        save_file(rest, shard, metadata={"format": "pt"})
        _missed(seen, unit, folder, f"{key} is not where the index says", name)
    return seen


def pickled(unit: Unit) -> Observation:
    """A pickle in the place of the tensors, under their name and its own, also where pickles are allowed. None may run its code."""
    seen = Observation()
    marker = os.path.join(unit.scratch, "executed")
    executed = []
    with _copy(unit) as folder:
        for name, safetensors in ((WEIGHTS, True), (PICKLE, True), (PICKLE, None)):
            if name != WEIGHTS:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(folder, WEIGHTS))
            with open(os.path.join(folder, name), "wb") as file:
                pickle.dump({"weight": _Writes(marker)}, file)
            label = f"a pickle as {name}{'' if safetensors else ', pickles allowed'}"
            _refused(seen, unit, folder, label, name, use_safetensors=safetensors)
            if os.path.exists(marker):
                executed.append(label)
                os.remove(marker)
    seen.count("pickles whose code did not run", [call["label"] for call in seen.fields["calls"]], executed)
    return seen


class _Writes:
    """Unpickled, it leaves a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (self.path, "w")


def _refused(seen: Observation, unit: Unit, folder: str, label: str, culprit: str, **options: Any) -> None:
    """How loading ends; and whether the message names what is wrong, which is counted and not judged."""
    try:
        loaded, _ = of_subject(lambda: unit.load(folder, **options))
    except SubjectRaised as exception:
        seen.call(label, raised.describe(exception.original, "subject"), [])
        clear = culprit in str(exception.original)
    else:
        seen.call(label, None, loaded.parameters())
        clear = False
    measures = seen.fields.setdefault("measures", {"refusals": 0.0, "refusals_that_name_the_culprit": 0.0})
    measures["refusals"] += 1
    measures["refusals_that_name_the_culprit"] += clear


def _missed(seen: Observation, unit: Unit, folder: str, label: str, name: str | None) -> None:
    """Whether loading says that a tensor is missing (one more than before, where its name is not known), or refuses."""
    try:
        _, info = of_subject(lambda: unit.load(folder))
    except SubjectRaised as exception:
        seen.note(f"{label}: refused, {type(exception.original).__name__}")
        listed = True
    else:
        _, before = unit.loaded
        listed = name in info["missing_keys"] if name else len(info["missing_keys"]) > len(before["missing_keys"])
    seen.count(f"missing keys that loading lists: {label}", [label], [] if listed else [label])


def _expected(unit: Unit, tensors: dict[str, torch.Tensor]) -> tuple[str, str | None]:
    """A tensor of the file that the model has under the same name, that no other shares, and whose absence is no custom: its name in
    the file and in the model. All names of a file may lack a prefix, or have one more; where all are others, so that loading renames
    them (Molmo2), the second is not known."""
    prefix = f"{unit.model.base_model_prefix}."
    named = list(unit.model.named_parameters(remove_duplicate=False))
    holders = [id(parameter) for _, parameter in named]
    own = [name for name, parameter in named if holders.count(id(parameter)) == 1 and parameter.ndim]
    ways = [{name: name for name in own}, {prefix + name: name for name in own}, {name.removeprefix(prefix): name for name in own}]
    known = max(([(key, name) for key, name in way.items() if key in tensors] for way in ways), key=len)
    custom = list(getattr(unit.model, "_keys_to_ignore_on_load_missing", None) or [])
    # A custom that spares all of them is none.
    fit = [(key, name) for key, name in known if not any(re.search(pattern, name) for pattern in custom)] or known
    fit = fit or [(key, None) for key in tensors]
    return fit[len(fit) // 2]


@contextmanager
def _copy(unit: Unit) -> Iterator[str]:
    """A copy of the folder that the model was saved in, to be damaged; gone at the end."""
    unit.loaded  # noqa: B018 (what does not load as it is was refused for another reason)
    folder = os.path.join(unit.scratch, "damaged")
    shutil.copytree(unit.saved, folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _shards(unit: Unit) -> Iterator[str]:
    """The model saved in several files; gone at the end."""
    unit.loaded  # noqa: B018
    folder = os.path.join(unit.scratch, "shards")
    size = sum(tensor.numel() * tensor.element_size() for tensor in unit.model.state_dict().values())
    try:
        for largest in (size // SHARDS, 1):
            of_subject(lambda largest=largest: unit.model.save_pretrained(folder, max_shard_size=largest))
            if os.path.exists(os.path.join(folder, INDEX)):
                break
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _index(folder: str) -> dict[str, Any]:
    with open(os.path.join(folder, INDEX), encoding="utf-8") as file:
        return json.load(file)


def _header(path: str) -> bytes:
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(LENGTH_BYTES))
        return file.read(length)


def _flip(path: str, place: int) -> None:
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))


OBSERVERS = {
    "checkpoint.truncated": truncated,
    "checkpoint.header": header,
    "checkpoint.wrong_shape": wrong_shape,
    "checkpoint.missing_shard": missing_shard,
    "checkpoint.missing_keys": missing_keys,
    "checkpoint.pickle": pickled,
}
