"""`tensorrt`: onnxruntime's provider for TensorRT."""

from __future__ import annotations

from assay.platforms.onnxruntime import Onnxruntime


class Tensorrt(Onnxruntime):
    """A session whose every node has to be executed by TensorRT."""

    first = "tensorrt"


PLATFORM = Tensorrt
