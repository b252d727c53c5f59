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
    """The override of one architecture, or of one class of it (`beit:AutoModelForSemanticSegmentation`), which has that of its
    architecture as well: `before` and `after` shrinking, values by dotted path, `inputs` that no name or size tells, and the `reason`; and
    `lacks`, facts that it has not by its own design, each with the reason. Empty if it has none."""
    name, _, own = architecture.partition(":")
    shared, more = _all().get(name, {}), _all().get(architecture, {}) if own else {}
    both = {key: shared[key] | more[key] for key in ("before", "after", "lacks") if key in shared and key in more}
    return shared | more | both


def inputs(architecture: str) -> list[InputSpec]:
    """The inputs of an override."""
    return [InputSpec(**{**row, "shape": tuple(row["shape"])}) for row in of(architecture).get("inputs", [])]
