"""Masks over other things than text: which a model takes with a part of what they cover hidden. Those that are fed, and those that
`forward` takes beside what is fed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch

from assay.subjects.designs import half_masked, unused_inputs
from assay.subjects.inputs import input_specs, masks, variants
from assay.subjects.proposals.context import Context
from assay.subjects.sessions import call
from assay.subjects.specs import CONTENT, InputSpec, draw

LEFT = (8, 2)
"""One of so many parts is left: of a tiny image some backbones have two columns, of a tiny sound two frames, and a mask is asked where
each begins; and of an eighth of a short sound no frame may be left, which some take for all of it."""
TYPES = ("int64", "bool")
CHANNELS = -3
IMAGES = ("pixels", "unit")
OF_IMAGES = re.compile(r"image|pixel|bool_masked")
OVER = {
    "pixel_mask": IMAGES,
    "patch_attention_mask": IMAGES,
    "padding_mask_videos": IMAGES,
    "attention_mask": ("mel", "waveform", "features", "codes"),
    "padding_mask": ("waveform", "features"),
    "input_features_mask": ("mel",),
    "input_values_mask": ("waveform",),
    "decoder_attention_mask": ("decoder_tokens",),
    "encoder_attention_mask": ("features",),
    "qformer_attention_mask": ("codes",),
    "past_observed_mask": ("series",),
    "observed_mask": ("series",),
}
"""What an optional mask of this name lies over."""
NAMED = {
    "encoder_attention_mask": "encoder_hidden_states",
    "qformer_attention_mask": "qformer_input_ids",
    "decoder_attention_mask": "decoder_input_ids",
    "past_observed_mask": "past_values",
    "observed_mask": "past_values",
}
"""The one input that it lies over, where there are several of its role."""
FEWEST = 4
"""Of fewer places there is no last quarter."""
OF_THEIR_OWN = ("tokens", "decoder_tokens", "token_types", "series")
"""Roles whose masks have checks of their own; and series, of which a mask says that a value is missing: what stands for it is read."""
TURNED = ("bool_masked_pos", "aspect_ratio_mask")
"""Masks of what is there all the same: training asks for it, or the text looks at it by a mask of its own."""


def find(c: Context, fed: dict[str, list[InputSpec]], batch: int, seed: int) -> dict[str, list[InputSpec]]:
    """The masks that can hide a part, by the set of inputs that they belong to; each in the first set that has what it covers. One that
    can't is refused: tokens stand for each of the features that it would take away. One that the design doesn't read is none."""
    found: dict[str, list[InputSpec]] = {}
    known: set[str] = set()
    if c.session is not None:
        return {}
    for variant, specs in fed.items():
        inputs = {spec.name: draw(spec, seed, batch) for spec in specs}
        for candidates in _candidates(c, specs):
            name = candidates[0].name
            if name in known or unused_inputs(c.architecture, {name}):
                continue
            runs = (spec for spec in candidates if _runs(c.model, inputs, spec, seed, batch))
            spec = next(runs, None)
            if spec is not None:
                known.add(name)
                found.setdefault(variant, []).append(spec)
    return found


def hide(mask: torch.Tensor, parts: int) -> torch.Tensor:
    """The mask of a batch of whose last row one of so many parts is left: the end of its longest axis is turned over."""
    hidden = mask.clone()
    row = hidden[-1]
    axis = max(range(row.ndim), key=lambda axis: (row.shape[axis], axis))
    left = max(1, row.shape[axis] // parts)
    end = row.narrow(axis, left, row.shape[axis] - left)
    end.copy_(~end if end.dtype is torch.bool else 1 - end)
    return hidden


def covered(recipe: dict[str, Any], architecture: str) -> list[tuple[str, InputSpec, InputSpec]]:
    """Masks of a recipe that have the axes of one input, with it and the set that both are of: what it hides, nothing sees."""
    return [
        (variant, mask, over[0])
        for variant in variants(recipe)
        for mask in masks(recipe, variant)
        if mask.name not in TURNED and not half_masked(architecture, {mask.name}) and max(mask.shape) >= FEWEST
        for over in [[spec for spec in input_specs(recipe, variant) if spec.role in CONTENT and not spec.packed and _has_axes(spec, mask)]]
        if len(over) == 1 and over[0].role not in OF_THEIR_OWN
    ]


def _has_axes(spec: InputSpec, mask: InputSpec) -> bool:
    """Whether the axes of a mask are some of those of an input, in their order."""
    axes = iter(spec.shape)
    return all(size in axes for size in mask.shape)


def _candidates(c: Context, specs: list[InputSpec]) -> Iterator[list[InputSpec]]:
    """For each mask the ways that it may be laid out."""
    fed = {spec.name for spec in specs}
    has_text = any(spec.role == "tokens" for spec in specs)
    for spec in specs:
        if _is_mask(spec, specs) and not (spec.name == "attention_mask" and has_text):
            yield [spec]
    for name, roles in OVER.items():
        if not c.takes(name) or name in fed or (name == "attention_mask" and has_text):
            continue
        covered = [spec for spec in specs if spec.role in roles and NAMED.get(name, spec.name) == spec.name]
        shapes = [shape for spec in covered[:1] for shape in _shapes(c, name, spec)]
        if shapes:
            types = ("float32",) if roles == ("series",) else TYPES
            yield [InputSpec(name, "mask", dtype, shape, values=1) for dtype in types for shape in shapes]


def _is_mask(spec: InputSpec, specs: list[InputSpec]) -> bool:
    """Whether what is fed is a mask that can hide a part: not one that says which tokens stand for an image, nor one over an image that
    isn't there."""
    if spec.role in (*CONTENT, "token_kinds", "switch") or max(spec.shape, default=1) == 1:
        return False
    if OF_IMAGES.search(spec.name) and not any(other.role in IMAGES for other in specs):
        return False
    return "mask" in spec.name or spec.role == "observed_padding"


def _shapes(c: Context, name: str, spec: InputSpec) -> list[tuple[int, ...]]:
    """Shapes of a mask over an input, the likeliest first."""
    shape = spec.shape
    if name == "pixel_mask":
        return [(*shape[:CHANNELS], *shape[CHANNELS + 1 :])]
    if name == "patch_attention_mask":
        return [(shape[-2] // c.patch, shape[-1] // c.patch)]
    if name == "padding_mask_videos":
        return [shape[:1]]
    if spec.role == "series":
        return [shape]
    if spec.role == "waveform":
        return [shape[-1:], shape] if len(shape) > 1 else [shape]
    if spec.packed:  # several streams of each row
        return [shape[-1:]]
    # Over frames rather than over bins.
    return [(size,) for size in sorted(shape, key=lambda size: spec.role == "mel" and size == c.mel)]


def _runs(model: torch.nn.Module, inputs: dict[str, torch.Tensor], spec: InputSpec, seed: int, batch: int) -> bool:
    """Whether a model takes the whole mask and the one that hides a part."""
    whole = draw(spec, seed, batch)
    try:
        for mask in (whole, *(hide(whole, parts) for parts in LEFT)):
            torch.manual_seed(0)
            with torch.no_grad():
                call(model, {**{name: tensor.clone() for name, tensor in inputs.items()}, spec.name: mask})
    except Exception:  # a refusal, in one of many ways
        return False
    return True
