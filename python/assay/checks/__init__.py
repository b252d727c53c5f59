"""The checks: each observes one property of a unit. Which there are and how they are judged: `battery.rs`."""

from __future__ import annotations

import time
from typing import Any, Protocol

from assay import evidence, extension, raised
from assay.checks import batch, embedding, forward, load, negative, save_load, sensitivity
from assay.checks.unit import SubjectRaised, Unit
from assay.observation import Observation

BUILT_IN: dict[str, extension.Observer] = {}
for module in (load, forward, sensitivity, batch, save_load, negative, embedding):
    BUILT_IN.update(module.OBSERVERS)


class Report(Protocol):
    """Where observations go: `assay.worker.reporter.Reporter`, or a test's list."""

    def stage(self, name: str) -> None: ...
    def check_started(self, check: str) -> None: ...
    def observed(self, check: str, observation: dict[str, Any]) -> None: ...
    def evidence(self, evidence: dict[str, Any]) -> None: ...


def observers() -> list[str]:
    """Names of the built-in checks."""
    return list(BUILT_IN)


def registered() -> list[dict[str, Any]]:
    """`CheckSpec` rows of the checks that preloads registered."""
    return [spec for spec, _ in extension.REGISTERED.values()]


def run(job: dict[str, Any], report: Report) -> None:
    """Runs a job's checks in order. Evidence is shown after the checks of loading, before any check that trusts a forward."""
    unit = Unit(job)
    shown = not job["evidence"]
    for name in job["checks"]:
        if not shown and not name.startswith("load."):
            shown = True
            _show(unit, report)
        report.check_started(name)
        report.observed(name, _observe(name, unit))
    if not shown:
        _show(unit, report)


def _show(unit: Unit, report: Report) -> None:
    report.stage("showing evidence")
    report.evidence(evidence.show(unit))


def _observe(name: str, unit: Unit) -> dict[str, Any]:
    observer = BUILT_IN.get(name) or extension.REGISTERED[name][1]
    began = time.monotonic()
    observation = Observation()
    try:
        observation = observer(unit) or observation
    except SubjectRaised as exception:
        observation.fields["raised"] = raised.describe(exception.original, "subject")
    except Exception as exception:
        # A preload's check is not the code under test, nor is Assay's.
        observation.fields["raised"] = raised.describe(exception, "worker")
    if not observation.fields["devices"]:
        observation.fields["devices"] = unit.devices()
    observation.fields["seconds"] = time.monotonic() - began
    return observation.fields
