"""What no rule makes of an architecture: one data file, each entry with its reason."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from assay.subjects.specs import InputSpec

FILE = Path(__file__).with_name("overrides.json")


@cache
def _all() -> dict[str, dict[str, Any]]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def of(architecture: str) -> dict[str, Any]:
    """The override of one architecture: `before` and `after` shrinking, values by dotted path, `inputs` that no name or size tells, and the
    `reason`; and `lacks`, facts that it has not by its own design, each with the reason. Empty if it has none."""
    return _all().get(architecture, {})


def inputs(architecture: str) -> list[InputSpec]:
    """The inputs of an override."""
    return [InputSpec(**{**row, "shape": tuple(row["shape"])}) for row in of(architecture).get("inputs", [])]
