"""Models of `timm` inside models of transformers: the same architecture by smaller sizes, under a name of its own.

A configuration names a timm model and can't give it sizes. `timm` lets anybody register a model: the small one is made by the entry point
of the one that is named, with smaller sizes as arguments.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import torch

from assay.subjects import tree

SUFFIX = "_assay_small"
FIELDS = ("backbone", "architecture", "vision_backbone")
SIZES: tuple[tuple[str, tuple[dict[str, Any], ...]], ...] = (
    (
        "resnet",
        ({"layers": (1, 1, 1, 1), "channels": (8, 16, 32, 64), "stem_width": 8}, {"layers": (1, 1, 1, 1), "channels": (8, 16, 32, 64)}),
    ),
    (
        "fastvit_mci",
        ({"layers": (1,) * 5, "embed_dims": (8, 16, 32, 64, 128)}, {"layers": (1,) * 5, "embed_dims": (32, 64, 128, 256, 512)}),
    ),
    ("repvit", ({"embed_dim": (8, 16, 32, 64), "depth": (1, 1, 1, 1)},)),
    ("swin", ({"embed_dim": 16, "depths": (2, 2, 2, 2), "num_heads": (1, 2, 4, 8)},)),
    ("mobilenetv5", ({"channel_multiplier": 0.0625}, {"channel_multiplier": 0.125})),
    ("vit|eva|deit", ({"embed_dim": 64, "depth": 2, "num_heads": 4},)),
)
"""By family of timm models: arguments that make them small, the smallest first."""


def fields(config: Any) -> list[tuple[str, Any, str, str]]:
    """Prefix, node, field and value of each timm model that a tree names and that can be made small."""
    found = []
    for prefix, node in tree.nodes(config):
        is_timm = "Timm" in type(node).__name__ or vars(node).get("use_timm_backbone") or "architecture" in vars(node)
        for name in FIELDS:
            value = vars(node).get(name)
            if is_timm and isinstance(value, str) and not value.endswith(SUFFIX) and sizes(value):
                found.append((prefix, node, name, value))
    return found


def sizes(name: str) -> tuple[dict[str, Any], ...]:
    """Arguments that make a model small, in the order in which they are tried; none for a family that is not known."""
    return next((arguments for pattern, arguments in SIZES if re.search(pattern, name)), ())


def width(config: Any, name: str) -> int | None:
    """The width of what a small model that a tree names gives out."""
    import timm

    register(config)
    with torch.device("meta"):
        return timm.create_model(name, num_classes=0).num_features


def register(config: Any) -> None:
    """Registers the small models that a tree names."""
    for _, node in tree.nodes(config):
        for name in FIELDS:
            value = vars(node).get(name)
            if isinstance(value, str) and value.endswith(SUFFIX):
                _register(value.removesuffix(SUFFIX))


def _register(name: str) -> None:
    import timm
    from timm.models import is_model, model_entrypoint, register_model

    architecture = name.split(".")[0]
    small = architecture + SUFFIX
    if is_model(small):
        return
    original: Callable[..., torch.nn.Module] = model_entrypoint(architecture)

    def entry(pretrained: bool = False, **arguments: Any) -> torch.nn.Module:
        failure: Exception | None = None
        for smaller in sizes(architecture):
            try:
                return original(pretrained=pretrained, **{**arguments, **smaller})
            except (TypeError, RuntimeError, AssertionError, ValueError) as error:
                failure = error
        raise failure or ValueError(f"no sizes are known for {timm.__name__} model {architecture}")

    entry.__name__ = small
    entry.__module__ = __name__
    sys.modules[__name__].__dict__[small] = entry
    register_model(entry)
