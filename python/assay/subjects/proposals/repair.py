"""Inputs whose size an error names: the same proposal with the size that was wanted."""

from __future__ import annotations

import re
from dataclasses import replace

from assay.subjects.proposals import text
from assay.subjects.proposals.context import Context
from assay.subjects.specs import InputSpec

PRODUCT = re.compile(r"cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)")
NORMALISED = re.compile(r"normalized_shape=\[(\d+)\]")
CHANNELS = re.compile(r"expected input\[([\d, ]+)\] to have (\d+) channels, but got (\d+)")
SIZES = re.compile(r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d)")
JOINED = re.compile(r"Sizes of tensors must match except in dimension \d\. (?:Expected|Got) size (\d+) but got size (\d+)")
IMAGE = re.compile(r"doesn't match model \(?(\d+)")
FEATURES = re.compile(r"tokens: (?P<tokens>\d+), features:? (?P<features>\d+)")
PUT = re.compile(
    r"value tensor of shape \[(?P<features>\d+), \d+\] cannot be broadcast to indexing result of shape \[(?P<tokens>\d+), \d+\]"
)
NUMBERS = re.compile(r"tokens \((?P<tokens>\d+)\) does not match .* \((?P<features>\d+)\)")
LARGEST = 4096
LARGEST_SIDE = 700
LONGEST = 48_000
"""Samples of a sound."""
ELEMENTS = 4_000_000


def features(c: Context, specs: list[InputSpec], message: str, batch: int) -> list[list[InputSpec]]:
    """Proposals with as many placeholders as the message says that there are features."""
    counts = next((found for pattern in (FEATURES, PUT, NUMBERS) if (found := pattern.search(message))), None)
    row = next((spec for spec in specs if spec.name == "input_ids" and spec.placed), None)
    if counts is None or row is None or len({token for _, token in row.placed}) > 1:
        return []
    wanted = int(counts["features"]) // batch
    if not 0 < wanted <= LARGEST or wanted == len(row.placed):
        return []
    modality = next((features_of for features_of in ("audio", "image", "video") if _carries(specs, features_of)), "image")
    rows = text.tokens(c, [(modality, row.placed[0][1], wanted)])
    names = {spec.name for spec in rows}
    return [[*rows, *(spec for spec in specs if spec.name not in names)]]


def length(c: Context, specs: list[InputSpec], message: str) -> list[list[InputSpec]]:
    """Proposals with as many tokens as another modality has steps, where the two are added."""
    sizes = SIZES.search(message)
    row = next((spec for spec in specs if spec.name == "input_ids" and not spec.placed and len(spec.shape) == 1), None)
    if sizes is None or row is None or row.shape[0] != int(sizes[1]) or int(sizes[2]) > LARGEST:
        return []
    rows = text.tokens(c, length=int(sizes[2]))
    names = {spec.name for spec in rows}
    return [[*rows, *(spec for spec in specs if spec.name not in names)]]


def sides(specs: list[InputSpec], message: str) -> list[list[InputSpec]]:
    """Proposals with images of the sides that a model says it is built for."""
    return dimensions(specs, message) if IMAGE.search(message) else []


def _carries(specs: list[InputSpec], modality: str) -> bool:
    roles = {"audio": ("mel", "waveform"), "image": ("pixels",), "video": ()}[modality]
    return any(spec.role in roles for spec in specs)


def dimensions(specs: list[InputSpec], message: str) -> list[list[InputSpec]]:
    """Proposals in which one input has the size that the message asks for."""
    product, normalised, channels = PRODUCT.search(message), NORMALISED.search(message), CHANNELS.search(message)
    sizes, image, joined = SIZES.search(message), IMAGE.search(message), JOINED.search(message)
    found = []
    for place, spec in enumerate(specs):
        if spec.dtype != "float32" or not spec.shape or spec.values is not None:
            continue
        # Dimensions of the whole batch, from which errors count.
        rank = len(spec.shape) + (0 if spec.packed else 1)
        shape = None
        if image and rank >= 4 and int(image[1]) <= LARGEST_SIDE and spec.shape[-1] != int(image[1]):
            shape = (*spec.shape[:-2], int(image[1]), int(image[1]))
        elif product and spec.shape[-1] == int(product[2]):
            shape = (*spec.shape[:-1], int(product[3]))
        elif normalised and rank == 3:
            shape = (*spec.shape[:-1], int(normalised[1]))
        elif channels and rank >= 3 and spec.shape[0] == int(channels[3]):
            shape = (int(channels[2]), *spec.shape[1:])
        elif joined and spec.role == "waveform":
            # As many frames as the stream that it is joined to.
            shape = (*spec.shape[:-1], spec.shape[-1] * int(joined[1]) // int(joined[2]))
        elif sizes and rank == 3 and spec.shape[-1] == int(sizes[1]):
            shape = (*spec.shape[:-1], int(sizes[2]))
        if shape and max(shape) <= (LONGEST if spec.role == "waveform" else LARGEST) and _product(shape) <= ELEMENTS:
            found.append([*specs[:place], replace(spec, shape=shape), *specs[place + 1 :]])
    return found


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
