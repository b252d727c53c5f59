"""The `DFT` of onnxruntime is up to a thousand times less exact than float32 where its length is no power of two: the angles of its chirp,
`pi * n * n / N`, are made in float32 and grow to thousands before their cosine is taken. In float64 the inverse is exact to eight digits,
for its `1 / N` is made in float32.

Prints the relative error (root mean square) of the inverse transform of random numbers, held against numpy's in float64; numpy's own in
float32 is beside it. `rolled in`: a product of matrices in float32 whose angles are taken modulo one turn. An exported xcodec2 and
neucodec (n_fft 1,280) make their sound by it, and fnet mixes its tokens by it.
"""

import numpy
import onnxruntime
from onnx import TensorProto, helper


def by_onnxruntime(values: numpy.ndarray) -> numpy.ndarray:
    """The inverse transform along the last axis."""
    kind = TensorProto.FLOAT if values.dtype == numpy.complex64 else TensorProto.DOUBLE
    fed = numpy.stack([values.real, values.imag], -1)
    node = helper.make_node("DFT", ["x", "", "axis"], ["y"], inverse=1)
    axis = helper.make_tensor("axis", TensorProto.INT64, [], [1])
    ends = [helper.make_tensor_value_info(name, kind, fed.shape) for name in "xy"]
    graph = helper.make_graph([node], "dft", ends[:1], ends[1:], [axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    real, imag = numpy.moveaxis(session.run(None, {"x": fed})[0], -1, 0)
    return real + 1j * imag


def rolled_in(values: numpy.ndarray) -> numpy.ndarray:
    size = values.shape[-1]
    turns = (numpy.outer(numpy.arange(size), numpy.arange(size)) % size).astype(numpy.float32)
    angles = turns * numpy.float32(2 * numpy.pi / size)
    return values @ (numpy.cos(angles) + 1j * numpy.sin(angles)).astype(numpy.complex64) / numpy.float32(size)


def error(result: numpy.ndarray, exact: numpy.ndarray) -> str:
    return f"{numpy.sqrt((abs(result - exact) ** 2).mean() / (abs(exact) ** 2).mean()):.1e}"


drawn = numpy.random.default_rng(0)
print("onnxruntime", onnxruntime.__version__)
for size in (256, 257, 400, 512, 960, 1024, 1280):
    values = (drawn.standard_normal((4, size)) + 1j * drawn.standard_normal((4, size))).astype(numpy.complex64)
    wide = values.astype(numpy.complex128)
    exact = numpy.fft.ifft(wide)
    own = numpy.fft.ifft(values)
    print(
        f"length {size}: onnxruntime {error(by_onnxruntime(values), exact)} ({own.dtype} of numpy {error(own, exact)}, rolled in "
        f"{error(rolled_in(values), exact)}); in float64 {error(by_onnxruntime(wide), exact)}"
    )
