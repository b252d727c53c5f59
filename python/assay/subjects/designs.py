"""What an architecture does by its own design: one data file, each entry with its reason. `modules` are reached by nothing and `inputs`
read by nothing; `infinite` outputs say infinity where there is no answer; `unregistered` tensors are no buffers. Checks leave these out of
what they count, and say so."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("designs.json")


@cache
def _all() -> list[dict[str, Any]]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def unused_modules(architecture: str, names: set[str], layers: int | None = None) -> dict[str, str]:
    """Those of the modules that the design leaves unused, with the reason. `{last}` in a pattern stands for the last of so many layers."""
    return _named(architecture, "modules", names, layers)


def unused_inputs(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the inputs that the design doesn't read, with the reason."""
    return _named(architecture, "inputs", names)


def infinite_outputs(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the outputs whose infinities are meant, with the reason."""
    return _named(architecture, "infinite", names)


def unregistered_tensors(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the tensors that the design keeps beside parameters and buffers, with the reason."""
    return _named(architecture, "unregistered", names)


def _named(architecture: str, what: str, names: set[str], layers: int | None = None) -> dict[str, str]:
    last = "none" if layers is None else str(layers - 1)
    entries = [entry for entry in _all() if what in entry and architecture in entry["architectures"]]
    patterns = [(entry[what].replace("{last}", last), entry["reason"]) for entry in entries]
    return {name: reason for pattern, reason in patterns for name in sorted(names) if re.search(pattern, name)}
