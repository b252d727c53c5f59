"""What an architecture does by its own design: one data file, each entry with its reason. `modules` are reached by nothing and `inputs`
read by nothing; `half_masked` masks are read by a part of the model alone; `infinite` outputs say infinity where there is no answer; the
shapes of `turning` ones hang on a choice that half precision turns; `unregistered` tensors are no buffers. Checks leave these out of
what they count, and say so. `untrained` parameters get no gradient, since the library cuts it off; `labels` are taken and `gradients`
made otherwise. What a model `remembers` of earlier inputs is taken from it where its weights change."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from assay.subjects import tree

LAYERS = ("decoder_layers", "decoder_num_layers", "num_hidden_layers", "x_layers")
FILE = Path(__file__).with_name("designs.json")


@cache
def _all() -> list[dict[str, Any]]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def design_key(subject: dict[str, Any]) -> str:
    """By what an entry names an architecture, or one class of it."""
    auto_class = subject.get("auto_class", "AutoModel")
    return subject["name"] if auto_class == "AutoModel" else f"{subject['name']}:{auto_class}"


def unused_modules(architecture: str, names: set[str], config: Any) -> dict[str, str]:
    """Those of the modules that the design leaves unused, with the reason. `{last}` in a pattern stands for the last layer."""
    return _named(architecture, "modules", names, config)


def stale_modules(architecture: str, silent: set[str], config: Any) -> list[str]:
    """Patterns of unused modules that fit none of those that are silent: the library has changed since they were written."""
    patterns = [pattern for pattern, _ in _patterns(architecture, "modules", config)]
    return [pattern for pattern in patterns if not any(re.search(pattern, name) for name in silent)]


def unused_inputs(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the inputs that the design doesn't read, with the reason. By whole names: a mask's is part of another's."""
    return {name: reason for name, reason in _patterns(architecture, "inputs", None) if name in names}


def half_masked(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the masks that only a part of the model reads by its design, with the reason."""
    return {name: reason for name, reason in _patterns(architecture, "half_masked", None) if name in names}


def infinite_outputs(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the outputs whose infinities are meant, with the reason."""
    return _named(architecture, "infinite", names)


def turning_outputs(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the outputs whose shape hangs on a choice that half precision turns, with the reason."""
    return _named(architecture, "turning", names)


def untrained_tensors(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the parameters that the design trains by no gradient of its outputs, with the reason."""
    return _named(architecture, "untrained", names)


def other_labels(architecture: str, names: set[str]) -> dict[str, str]:
    """In which of these ways the design takes labels otherwise, with the reason: the loss is another one than the cross `entropy` of the
    scores, or a decoder is not fed the labels behind a token that `start`s all texts."""
    return _named(architecture, "labels", names)


def other_gradients(architecture: str, names: set[str]) -> dict[str, str]:
    """In which of these ways the design makes gradients other than the slopes of the outputs, with the reason: something on the way is
    `detached`, and all is well where nothing is; or they are `estimated` by another function than the forward's."""
    return _named(architecture, "gradients", names)


def other_in_training(architecture: str) -> str | None:
    """Why the design computes something else in train mode even where nothing is dropped, if it does."""
    return _named(architecture, "training", {"other"}).get("other")


def unregistered_tensors(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the tensors that the design keeps beside parameters and buffers, with the reason."""
    return _named(architecture, "unregistered", names)


def memories(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the attributes in which the model keeps what it made of earlier inputs, with the reason."""
    return _named(architecture, "remembers", names)


def _named(architecture: str, what: str, names: set[str], config: Any = None) -> dict[str, str]:
    patterns = _patterns(architecture, what, config)
    return {name: reason for pattern, reason in patterns for name in sorted(names) if re.search(pattern, name)}


def _patterns(architecture: str, what: str, config: Any) -> list[tuple[str, str]]:
    nodes = tree.nodes(config) if tree.is_node(config) else ()
    counts = (getattr(node, name, None) for _, node in nodes for name in LAYERS)
    last = next((str(count - 1) for count in counts if isinstance(count, int)), "none")
    # An entry may name one class of an architecture: `clip:AutoModelForImageClassification`.
    known = {architecture, architecture.partition(":")[0]}
    entries = [entry for entry in _all() if what in entry and known & set(entry["architectures"])]
    return [(entry[what].replace("{last}", last), entry["reason"]) for entry in entries]
