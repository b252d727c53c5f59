"""What an architecture's own design leaves unused: one data file, each entry with its reason. Checks of what is reached and what has an
effect leave these out of what they count, and say so."""

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


def unused_modules(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the modules that the design leaves unused, with the reason."""
    return _unused(architecture, "modules", names)


def unused_inputs(architecture: str, names: set[str]) -> dict[str, str]:
    """Those of the inputs that the design doesn't read, with the reason."""
    return _unused(architecture, "inputs", names)


def _unused(architecture: str, what: str, names: set[str]) -> dict[str, str]:
    entries = [entry for entry in _all() if what in entry and architecture in entry["architectures"]]
    return {name: entry["reason"] for entry in entries for name in sorted(names) if re.search(entry[what], name)}
