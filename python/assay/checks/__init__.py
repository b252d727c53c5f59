"""The checks: each observes one property of a unit. Which there are and how they are judged: `battery.rs`."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any, Protocol

from assay import evidence, extension, raised
from assay.checks import (
    attention,
    batch,
    checkpoint,
    covering,
    embedding,
    forward,
    generate,
    golden,
    load,
    memory,
    negative,
    parity,
    pipeline,
    precision,
    save_load,
    sensitivity,
    steady,
    tokenizer,
    train,
    workflow,
)
from assay.checks.unit import SubjectRaised, Unit
from assay.observation import Observation

BUILT_IN: dict[str, extension.Observer] = {}
for module in (
    load,
    forward,
    sensitivity,
    attention,
    covering,
    batch,
    generate,
    save_load,
    precision,
    train,
    negative,
    golden,
    embedding,
    memory,
    checkpoint,
    workflow,
    tokenizer,
    pipeline,
    parity,
):
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
    if "model" not in unit.__dict__:
        report.stage("building the model")
        with contextlib.suppress(SubjectRaised):  # the evidence says it
            unit.model  # noqa: B018
    report.stage("showing evidence")
    report.evidence(evidence.show(unit))


def _observe(name: str, unit: Unit) -> dict[str, Any]:
    began = time.monotonic()
    observation = Observation()
    try:
        observer = _observer(name)
        # What is made of a model for another platform is not made again for each of a few draws (`parity.py`).
        observation = (observer(unit) if name in parity.OBSERVERS else steady.observe(observer, unit)) or observation
        if not isinstance(observation, Observation):
            raise TypeError(f"the check `{name}` returned a {type(observation).__name__}, not an assay.Observation")
        if not observation.fields["devices"]:
            observation.fields["devices"] = unit.devices()
        json.dumps(observation.fields, allow_nan=False)  # a foreign object or a NaN raises here, where it costs one case
    except SubjectRaised as exception:
        observation = _ended_by(exception.original, "subject", unit)
    except Exception as exception:
        # A preload's check is not the code under test, nor is Assay's.
        observation = _ended_by(exception, "worker", unit)
    observation.fields["seconds"] = time.monotonic() - began
    return observation.fields


def _observer(name: str) -> extension.Observer:
    if name in BUILT_IN:
        return BUILT_IN[name]
    if name in extension.REGISTERED:
        return extension.REGISTERED[name][1]
    raise LookupError(f"this worker has no check `{name}`")


def _ended_by(exception: BaseException, origin: str, unit: Unit) -> Observation:
    """The observation of a check that raised."""
    observation = Observation()
    observation.fields["raised"] = raised.describe(exception, origin)
    observation.fields["devices"] = unit.devices()
    return observation
