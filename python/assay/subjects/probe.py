"""The probe: what a subject is, and how to make it again."""

from __future__ import annotations

import inspect
import os
import time
from typing import Any

import torch

from assay import catalog, raised
from assay.subjects import build, inputs, shrink

SENTENCE_ENCODER_FILES = ("modules.json", "1_Pooling")
"""What a folder in the layout of sentence-transformers has."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def probe(subject: dict[str, Any], platform: str, seed: int) -> dict[str, Any]:
    """The `Probed` of `subject.rs`: facts and recipe, or the stage that failed and how."""
    del platform
    stage = "config"
    try:
        began = time.monotonic()
        config = build.default_config(subject)
        stage = "shrink"
        changes = _fill_required(config) + shrink.shrink(config) if subject["kind"] == "architecture" else []
        stage = "build"
        model = build.make_model(subject, None, config)
        stage = "inputs"
        specs = inputs.specify(model, config)
        recipe = {"class": type(model).__name__, "changes": changes, "inputs": inputs.as_rows(specs), "variants": ["all"]}
        arguments = inputs.make_inputs(subject, recipe, config, seed=seed)
        stage = "forward"
        with torch.no_grad():
            model(**arguments)
        facts = find_facts(subject, model, config, specs)
        recipe["facts"] = {key: facts[key] for key in ("class", "parameters", "has")}
        return {"ready": {"facts": {**facts, "changes": changes, "seconds": time.monotonic() - began}, "recipe": recipe}}
    except Exception as exception:
        described = raised.describe(exception, "subject")
        if described["missing_package"]:
            return {"missing_dependency": {"package": described["missing_package"]}}
        return {"failed": {"stage": stage, "raised": described}}


def find_facts(subject: dict[str, Any], model: torch.nn.Module, config: Any, specs: list[inputs.InputSpec]) -> dict[str, Any]:
    """Structural facts: from the signature, the configuration and the class, never from behaviour."""
    arguments = inspect.signature(model.forward).parameters
    roles = {spec.role for spec in specs}
    has = {"batch"}
    has |= {role for role in ("tokens", "attention_mask") if role in roles}
    if "position_ids" in arguments:
        has.add("position_ids")
    if {"tokens", "attention_mask"} <= roles and not any(spec.placeholders for spec in specs) and "pixels" not in roles:
        has.add("right_padding")
        if "position_ids" in arguments:
            has.add("left_padding")
    names = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    if len(names) > len(dict(model.named_parameters())):
        has.add("tied_weights")
    if subject["kind"] == "checkpoint":
        files = set(os.listdir(subject["path"]))
        if files & set(TOKENIZER_FILES):
            has.add("tokenizer")
            if files & set(SENTENCE_ENCODER_FILES):
                has.add("sentence_encoder")
    rows = [{"name": spec.name, "shape": [inputs.BATCH, *spec.shape], "dtype": spec.dtype} for spec in specs]
    name = subject["name"] if subject["kind"] == "architecture" else config.model_type
    return {
        "class": type(model).__name__,
        "family": catalog.family(name),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "has": sorted(has),
        "inputs": rows,
        "changes": [],
        "seconds": 0.0,
    }


def _fill_required(config: Any) -> list[dict[str, Any]]:
    """Sizes that a default leaves empty and a model needs: how far a time series is predicted, and over what."""
    changes = []
    lengths = {"prediction_length": 4, "context_length": 8}
    for name, length in lengths.items():
        if getattr(config, name, 0) is None:
            setattr(config, name, length)
            changes.append({"field": name, "from": None, "to": length, "rule": "a length that the default leaves empty"})
    return changes
