"""Weights drawn from the run's nonce, so that the judge can draw them again."""

from assay.weights.fill import fill
from assay.weights.generator import variates, words

__all__ = ["fill", "variates", "words"]
