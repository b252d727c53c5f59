"""Inputs: a spec for each argument of `forward`, and tensors from a spec and a seed."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import torch

BATCH = 2

LOUDNESS = 0.1
"""Samples of a sound are numbers from -1 to 1, and most of them are small."""

CONTENT = (
    "tokens",
    "decoder_tokens",
    "token_types",
    "pixels",
    "unit",
    "mel",
    "waveform",
    "series",
    "codes",
    "features",
    "points",
    "boxes",
)
"""Roles of inputs that carry content: a redrawn one must move some output. Masks and geometry are not drawn."""


@dataclass(frozen=True)
class InputSpec:
    """One argument of `forward`. `shape` is that of one row, without the batch."""

    name: str
    role: str
    dtype: str
    shape: tuple[int, ...]
    low: int = 0
    high: int = 0
    """Whole numbers are drawn from `low` to `high - 1`; points from 0 to `high`; indices of a row go on `high` behind the row before."""
    placed: tuple[tuple[int, int], ...] = ()
    """Positions of a row that hold a certain token instead of a drawn one: where the features of another modality go."""
    values: Any = None
    """What a row holds, if it is not drawn: a grid, sizes, a mask."""
    packed: bool = False
    """Whether rows are laid end to end along the first axis (patches of all images) instead of stacked."""


def as_rows(specs: list[InputSpec]) -> list[dict[str, Any]]:
    """Specs as JSON."""
    return [asdict(spec) for spec in specs]


def from_rows(rows: list[dict[str, Any]]) -> list[InputSpec]:
    """Specs from JSON."""
    return [InputSpec(**{**row, "shape": tuple(row["shape"]), "placed": tuple(map(tuple, row["placed"]))}) for row in rows]


def draw(spec: InputSpec, seed: int, batch: int) -> torch.Tensor:
    """A tensor for a spec. Each row has a stream of its own, so that row 0 is the same in a batch of 1 and of 2."""
    if spec.role == "switch":  # one for the whole batch
        return torch.tensor(spec.values)
    rows = []
    for row in range(batch):
        digest = hashlib.sha256(f"{seed}/{spec.name}/{row}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        rows.append(_moved(spec, _row(spec, generator), row))
    return torch.cat(rows) if spec.packed else torch.stack(rows)


def rows_of(spec: InputSpec, tensor: torch.Tensor, batch: int) -> list[torch.Tensor]:
    """The rows of a tensor that was drawn for a batch, each as a batch of one."""
    length = tensor.shape[0] // batch if spec.packed else 1
    return [_moved(spec, tensor[row * length : (row + 1) * length], -row) for row in range(batch)]


def join_rows(spec: InputSpec, rows: list[torch.Tensor]) -> torch.Tensor:
    """Rows, each as a batch of one, in their order as a batch: what `rows_of` takes apart."""
    return torch.cat([_moved(spec, row, place) for place, row in enumerate(rows)])


def _moved(spec: InputSpec, tensor: torch.Tensor, rows: int) -> torch.Tensor:
    """What a row holds, so many rows further on: indices go on behind those of the row before."""
    return tensor + rows * spec.high if spec.role == "indices" else tensor


def _row(spec: InputSpec, generator: torch.Generator) -> torch.Tensor:
    dtype = getattr(torch, spec.dtype)
    if spec.values is not None:
        return torch.tensor(spec.values, dtype=dtype).expand(spec.shape).clone()
    match spec.role:
        case "attention_mask" | "observed_mask":
            return torch.ones(spec.shape, dtype=dtype)
        case "position_ids":
            return torch.arange(spec.shape[0])
        case "points":
            return torch.rand(spec.shape, generator=generator) * spec.high
        case "boxes":
            low = torch.randint(0, spec.high // 2, (*spec.shape[:-1], 2), generator=generator)
            sides = torch.randint(1, spec.high // 2, (*spec.shape[:-1], 2), generator=generator)
            boxes = torch.cat([low, low + sides], -1)
            return boxes if dtype is torch.int64 else boxes.to(dtype) / spec.high
    if dtype is torch.int64:
        values = torch.randint(spec.low, max(spec.low + 1, spec.high), spec.shape, generator=generator)
        for position, token in spec.placed:
            values[position] = token
        return values
    if spec.role == "unit":
        return torch.rand(spec.shape, generator=generator)
    if spec.role == "waveform":
        return LOUDNESS * torch.randn(spec.shape, generator=generator)
    return torch.randn(spec.shape, generator=generator)
