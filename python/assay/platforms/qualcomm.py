"""`qualcomm`: onnxruntime's provider for Qualcomm's NPUs."""

from __future__ import annotations

from assay.platforms.onnxruntime import Onnxruntime


class Qualcomm(Onnxruntime):
    """A session whose every node has to be executed by an NPU."""

    first = "qualcomm"


PLATFORM = Qualcomm
