"""onnxruntime makes a padding with zeros part of the pooling behind it (`PadFusion`). A `MaxPool` pads with what is below all numbers: where
all of a window at the border is negative the greatest was the padding's zero, and is now a negative number.

An exported bit pads so before its pooling, and answers otherwise than the model. Without optimizations onnxruntime is right.
"""

import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel


def pooled(image: numpy.ndarray, level: GraphOptimizationLevel) -> numpy.ndarray:
    """The greatest of each 3 × 3, one row and column of zeros around."""
    nodes = [helper.make_node("Pad", ["image", "pads"], ["wider"]), helper.make_node("MaxPool", ["wider"], ["pooled"], kernel_shape=[3, 3])]
    pads = numpy_helper.from_array(numpy.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 4, 4]) for name in ("image", "pooled")]
    graph = helper.make_graph(nodes, "pool", ends[:1], ends[1:], [pads])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": image})[0]


print("onnxruntime", onnxruntime.__version__)
image = -numpy.arange(1, 17, dtype=numpy.float32).reshape(1, 1, 4, 4)
for level in (GraphOptimizationLevel.ORT_DISABLE_ALL, GraphOptimizationLevel.ORT_ENABLE_BASIC):
    print(f"{level.name}:", *pooled(image, level)[0, 0].tolist(), sep="\n    ")
