"""Assay's worker, and what a `--preload` file may use: `assay.check` and `assay.Observation`."""

from assay.extension import check
from assay.observation import Observation

__all__ = ["Observation", "check"]
