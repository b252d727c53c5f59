"""OpenVINO's processor plugin writes an attention's answer over queries that it still has to read, where there are as many heads as
tokens: queries and answer, turned back to [rows, tokens, heads, size], have then the same shape, and one buffer.

Scores, softmax, product and the turn are one kernel (`Subgraph`); it needs queries that another operation made (here a relu), for an input
is never written over. An exported swin2sr with 4 heads and windows of 2 × 2 answers otherwise than the model.

Prints the greatest difference to numpy, and the same with the turn left to the reader.
"""

import numpy
import openvino
from openvino import opset13 as op

drawn = numpy.random.default_rng(0)


def difference(heads: int, tokens: int, turn: bool) -> float:
    shape = [2, heads, tokens, 16]
    queries, keys, values = [op.parameter(shape, numpy.float32) for _ in range(3)]
    scores = op.matmul(op.relu(queries), keys, False, True)
    answer = op.matmul(op.softmax(scores, -1), values, False, False)
    if turn:
        answer = op.transpose(answer, [0, 2, 1, 3])
    graph = openvino.Model([answer], [queries, keys, values])
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    q, k, v = fed = [drawn.standard_normal(shape).astype(numpy.float32) for _ in range(3)]
    result = compiled(fed)[0]
    weights = numpy.exp(numpy.maximum(q, 0) @ k.swapaxes(2, 3))
    expected = weights / weights.sum(-1, keepdims=True) @ v
    return float(abs((result.swapaxes(1, 2) if turn else result) - expected).max())


print("openvino", openvino.__version__)
for heads, tokens in ((4, 3), (4, 4), (4, 5), (8, 8), (12, 12), (12, 64)):
    print(f"{heads} heads, {tokens} tokens: {difference(heads, tokens, True):.1e}, without the turn {difference(heads, tokens, False):.1e}")
