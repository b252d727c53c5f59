"""Weights drawn from the run's nonce, so that the judge can draw them again."""

from assay.weights.calibrate import calibrate
from assay.weights.fill import fill
from assay.weights.generator import variates, words

__all__ = ["calibrate", "fill", "variates", "words"]
