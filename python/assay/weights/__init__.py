"""Weights drawn from the run's nonce, so that the judge can draw them again."""

from assay.weights.calibrate import calibrate
from assay.weights.fill import fill
from assay.weights.generator import variates, words
from assay.weights.redraw import redraw

__all__ = ["calibrate", "fill", "redraw", "variates", "words"]
