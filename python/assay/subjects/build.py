"""Configurations and models of subjects, from a recipe."""

from __future__ import annotations

import copy
from typing import Any

import torch
import transformers

from assay.subjects import tree


def default_config(subject: dict[str, Any]) -> Any:
    """The configuration as the library (or the checkpoint) has it."""
    if subject["kind"] == "checkpoint":
        return transformers.AutoConfig.from_pretrained(
            subject["path"], local_files_only=True, trust_remote_code=subject["trust_remote_code"]
        )
    return transformers.AutoConfig.for_model(subject["name"])


def make_config(subject: dict[str, Any], recipe: dict[str, Any]) -> Any:
    """The configuration under test: the default with the recipe's changes."""
    config = default_config(subject)
    for change in recipe["changes"]:
        tree.put(config, change["field"], change["to"])
    return config


def make_model(subject: dict[str, Any], recipe: dict[str, Any] | None, config: Any, *, meta: bool = False) -> torch.nn.Module:
    """The model as the library initialises it, in eval mode and float32; on `meta` without memory for its weights."""
    del recipe  # the configuration holds all that matters so far
    if subject["kind"] == "checkpoint" and not meta:
        model = transformers.AutoModel.from_pretrained(
            subject["path"],
            local_files_only=True,
            dtype=torch.float32,
            trust_remote_code=subject["trust_remote_code"],
            use_safetensors=None if subject["allow_pickle"] else True,
        )
        return model.eval()
    auto = getattr(transformers, subject.get("auto_class", "AutoModel"))
    with torch.device("meta" if meta else "cpu"):
        model = auto.from_config(copy.deepcopy(config))
    return model.eval() if meta else model.float().eval()
