"""The same checks on the same architectures, run in the ways that one would run them without Assay: for `cargo xtask bench architectures`.

    python architectures.py recipes FILE           finds how to make and feed each of a file, and keeps it (not timed)
python architectures.py single FILE            all in one process; prints seconds of imports and of work
python architectures.py one FILE NAME          one in a process of its own
python architectures.py tests FILE FOLDER      writes a test file for each, for pytest
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

BEGAN = time.monotonic()
TEST = """from architectures import check


def test_{name}():
    check({file!r}, {architecture!r})
"""


class Seen:
    """Counts what is observed; whether it is right is for the judge to say."""

    def __init__(self) -> None:
        self.checks = 0

    def stage(self, name: str) -> None:
        """Nothing to do."""

    def check_started(self, check: str) -> None:
        """Nothing to do."""

    def observed(self, check: str, observation: dict[str, Any]) -> None:
        """One more."""
        self.checks += 1

    def evidence(self, evidence: dict[str, Any]) -> None:
        """Nothing to do."""


def subject(name: str) -> dict[str, Any]:
    """The base class of an architecture."""
    return {"kind": "architecture", "name": name, "auto_class": "AutoModel"}


def check(file: str, name: str) -> None:
    """Runs the checks of one architecture, as a worker does."""
    from assay import checks

    kept = json.loads(Path(file).read_text(encoding="utf-8"))[name]
    job = {"subject": subject(name), "platform": "cpu", "seed": 1, "nonce": "7", "second_nonce": "8", "scratch": None, "evidence": True}
    seen = Seen()
    checks.run({**job, **kept}, seen)
    assert seen.checks == len(kept["checks"])


def main(mode: str, file: str, *rest: str) -> None:
    """One of the modes above."""
    import torch
    import transformers.modeling_utils  # noqa: F401

    import assay.checks  # noqa: F401

    torch.set_num_threads(1)
    imports = time.monotonic() - BEGAN
    path = Path(file)
    if mode == "recipes":
        from assay import subjects

        plan = json.loads(path.read_text(encoding="utf-8"))
        kept = {}
        for name, names in plan.items():
            ready = subjects.probe(subject(name), "cpu", 1).get("ready")
            if ready:
                kept[name] = {"recipe": ready["recipe"], "checks": names}
        path.write_text(json.dumps(kept), encoding="utf-8")
    elif mode == "single":
        for name in json.loads(path.read_text(encoding="utf-8")):
            check(file, name)
        print(json.dumps({"imports": imports, "work": time.monotonic() - BEGAN - imports}))
    elif mode == "one":
        check(file, rest[0])
    elif mode == "tests":
        for number, name in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            test = Path(rest[0]) / f"test_{number:02}.py"
            test.write_text(TEST.format(name=f"architecture_{number:02}", file=str(path.resolve()), architecture=name), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
