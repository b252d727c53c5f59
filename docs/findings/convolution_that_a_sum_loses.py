"""OpenVINO's processor plugin leaves a convolution out of a sum, where the image has one channel and few pixels (one row of 16,000, too)
and the graph's shapes are dynamic: the answer is what it was to be added to.

It is the kernel `brgconv_avx512` with the sum fused into it. Where shapes are static, or the channels more, there is another one or it is
right; how large an image may be depends on the kernel and on the number of threads. An exported pp_ocrv6_medium_det (the exporters leave
all shapes dynamic) answers otherwise than the model: blocks of its neck add three convolutions of few channels.

Prints the greatest difference to torch.
"""

import openvino
import torch
from openvino import opset13 as op


def difference(kernel: tuple[int, int], size: tuple[int, int], channels: int = 1, threads: int = 1, dynamic: bool = True) -> str:
    sizes = [-1, channels, -1, -1] if dynamic else [1, channels, *size]
    image, fed = op.parameter(openvino.PartialShape(sizes), openvino.Type.f32), torch.randn(1, channels, *size)
    wide, narrow = torch.randn(1, channels, *kernel), torch.randn(1, channels, 1, 1)
    pads = [kernel[0] // 2, kernel[1] // 2]
    one = op.convolution(image, op.constant(wide.numpy()), [1, 1], pads, pads, [1, 1])
    other = op.convolution(image, op.constant(narrow.numpy()), [1, 1], [0, 0], [0, 0], [1, 1])
    graph = openvino.Model([op.add(one, other)], [image])
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    result = torch.from_numpy(openvino.Core().compile_model(graph, "CPU", settings)([fed.numpy()])[0])
    added = torch.conv2d(fed, narrow)
    expected = torch.conv2d(fed, wide, padding=pads) + added
    return f"{(result - expected).abs().max():.1e}" + (", it is what is added to" if torch.allclose(result, added) else "")


torch.manual_seed(0)
print("openvino", openvino.__version__)
for kernel, size in (((3, 3), (2, 2)), ((3, 3), (4, 4)), ((3, 3), (12, 12)), ((1, 3), (8, 8)), ((7, 1), (1, 16_000))):
    print(f"kernel {kernel}, image {size}: {difference(kernel, size)}")
print("kernel (1, 3), image (4, 4), two threads:", difference((1, 3), (4, 4), threads=2))
print("kernel (3, 3), image (2, 2), static:", difference((3, 3), (2, 2), dynamic=False))
print("kernel (3, 3), image (2, 2), two channels:", difference((3, 3), (2, 2), channels=2))
