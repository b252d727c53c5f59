"""The inputs of a recipe: one set of specs for each variant, the first of which has all that the model takes."""

from __future__ import annotations

from typing import Any

import torch

from assay.subjects.specs import BATCH, InputSpec, draw, from_rows


def variants(recipe: dict[str, Any]) -> list[str]:
    """Names of the sets of inputs that together reach every tower; the first has all modalities at once."""
    return recipe["variants"]


def input_specs(recipe: dict[str, Any], variant: str | None = None) -> list[InputSpec]:
    """The specs of one variant, by default the first."""
    return from_rows(recipe["inputs"][variant or variants(recipe)[0]])


def masks(recipe: dict[str, Any], variant: str) -> list[InputSpec]:
    """The masks that can hide a part of what one variant holds."""
    return from_rows(recipe.get("masks", {}).get(variant, []))


def batch_of(recipe: dict[str, Any]) -> int:
    """How many rows are fed."""
    return recipe.get("batch", BATCH)


def make_inputs(recipe: dict[str, Any], *, seed: int, batch: int | None = None, variant: str | None = None) -> dict[str, torch.Tensor]:
    """Keyword arguments of `forward`: the same for the same seed, other rows and other seeds differ."""
    rows = batch_of(recipe) if batch is None else batch
    return {spec.name: draw(spec, seed, rows) for spec in input_specs(recipe, variant)}
