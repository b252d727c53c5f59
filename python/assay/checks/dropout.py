"""How much a model drops while it trains, wherever it keeps that."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import torch

from assay.subjects import tree

RATE = re.compile(r"(^|_)(drop(out)?|drop_?path|drop_prob|dropout_(p|prob|rate)|layer_?drop)($|_)|dropout|drop_path|layerdrop")
"""Names of shares that are dropped: `dropout`, `attn_pdrop`'s kin, `attention_probs_dropout_prob`, `drop_path_rate`, `layerdrop`."""
SCALES = "moe_token_dropout"
"""By design (NLLB-MoE) what an expert says is scaled by this share where nothing is dropped, not where something is."""
PDROP = re.compile(r"pdrop$|^p$")
AUGMENTS = re.compile(r"^(mask_(time|feature)_prob|.*jitter_noise|.*jitter_eps|patch_dropout)$")
"""Shares by which inputs are changed while a model trains: masks of sounds, noise before a router."""


@contextlib.contextmanager
def dropping(model: torch.nn.Module, share: float, *, augments: bool = False) -> Iterator[int]:
    """Within it the model drops this share wherever it says how much; how many places that are. With `augments` what else changes inputs
    at random is as much, too."""

    def is_one(name: str, value: Any) -> bool:
        named = RATE.search(name) or PDROP.search(name) or (augments and AUGMENTS.search(name))
        return name != SCALES and type(value) in (int, float) and 0.0 <= value < 1.0 and bool(named)

    modules = list(model.modules())
    configs = {id(node): node for its in modules if tree.is_node(getattr(its, "config", None)) for _, node in tree.nodes(its.config)}
    kept = [(owner, name, value) for owner in [*modules, *configs.values()] for name, value in vars(owner).items() if is_one(name, value)]
    try:
        for owner, name, _ in kept:
            owner.__dict__[name] = share
        yield len(kept)
    finally:
        for owner, name, value in kept:
            owner.__dict__[name] = value
