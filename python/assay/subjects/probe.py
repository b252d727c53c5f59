"""The probe: what a subject is, and how to make it again."""

from __future__ import annotations

import inspect
import os
import time
from typing import Any

import torch
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING_NAMES

from assay import catalog, raised
from assay.subjects import (
    build,
    card,
    chain,
    designs,
    hiding,
    inputs,
    labels,
    making,
    modules,
    overrides,
    reading,
    sessions,
    shrinking,
    specs,
)
from assay.subjects.proposals.context import Context
from assay.subjects.search import search

SENTENCE_ENCODER_FILES = ("modules.json", "1_Pooling")
"""What a folder in the layout of sentence-transformers has."""
POOLED = ("SequenceClassification", "NextSentencePrediction", "MultipleChoice")
"""Heads that give out one state for a row."""
CONVENTIONS = {
    "deterministic",
    "batch_first",
    "rows_together",
    "width",
    "one_state_per_token",
    "trains",
    "vocabulary",
    "needs_input",
    "loads",
}
"""What every architecture is taken to keep, but those that `overrides.json` names with the reason."""
SMALL = 50_000_000
"""Parameters of which damaged copies may be written: 200 MB in float32."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def probe(subject: dict[str, Any], platform: str, seed: int) -> dict[str, Any]:
    """The `Probed` of `subject.rs`: facts and recipe, or the stage that failed and how."""
    del platform
    if subject["kind"] == chain.PREFIX:
        return chain.probe(subject, seed)
    stage = "config"
    try:
        if subject["kind"] == "architecture":
            made = making.make(subject, seed)
        else:
            config = build.default_config(subject)
            stage = "build"
            model = build.make_model(subject, config)
            stage = "forward"
            found = search(model, config, seed, config.model_type)
            made = making.Made(model, config, [], found, making.count(model), [], "as it is")
    except Exception as exception:
        error = exception.error if isinstance(exception, making.StageError) else exception
        stage = exception.stage if isinstance(exception, making.StageError) else stage
        described = raised.describe(error, "subject")
        if described["not_a_model"]:
            return {"not_a_model": {"detail": described["not_a_model"]}}
        if described["missing_package"]:
            return {"missing_dependency": {"package": described["missing_package"]}}
        return {"failed": {"stage": stage, "raised": described}}
    variants = made.found.variants
    recipe = {
        "class": type(made.model).__name__,
        "changes": made.changes,
        "inputs": {name: specs.as_rows(rows) for name, rows in variants.items()},
        # In their order, which the keys of an object don't keep on the way to a worker.
        "variants": list(variants),
        "batch": made.found.batch,
    }
    name = subject["name"] if subject["kind"] == "architecture" else made.config.model_type
    context = Context(made.model, made.config, designs.design_key({**subject, "name": name}))
    masks = hiding.find(context, variants, made.found.batch, seed)
    recipe["masks"] = {name: specs.as_rows(rows) for name, rows in masks.items()}
    seconds = _seconds(subject, recipe, made.config, seed)
    facts = find_facts(subject, made.model, made.config, next(iter(variants.values())), made.found.batch, recipe)
    facts |= {
        "changes": made.changes + _fed(designs.design_key(subject), variants),
        "seconds": seconds,
        "mode": made.mode,
        "lost": made.lost,
        "reach": made.found.as_rows(),
    }
    recipe["facts"] = {key: facts[key] for key in ("class", "parameters", "has")}
    return {"ready": {"facts": facts, "recipe": recipe}}


def _fed(architecture: str, variants: dict[str, list[specs.InputSpec]]) -> list[dict[str, Any]]:
    """What is fed because an override says so, as changes are told."""
    own = overrides.inputs(architecture)
    names = {spec.name for rows in variants.values() for spec in rows if spec in own}
    return [{"field": f"forward({name})", "from": None, "to": None, "rule": shrinking.OVERRIDE} for name in sorted(names)]


def _seconds(subject: dict[str, Any], recipe: dict[str, Any], config: Any, seed: int) -> float:
    """Seconds that building and one forward take."""
    began = time.monotonic()
    model = build.make_model(subject, config)
    rows = inputs.input_specs(recipe)
    with torch.no_grad():
        sessions.call(model, {spec.name: specs.draw(spec, seed, recipe["batch"]) for spec in rows})
    return time.monotonic() - began


def find_facts(
    subject: dict[str, Any], model: torch.nn.Module, config: Any, rows: list[specs.InputSpec], batch: int, recipe: dict[str, Any]
) -> dict[str, Any]:
    """Structural facts: from the signature, the configuration and the class, never from behaviour; of the recipe its masks."""
    if subject["kind"] == chain.PREFIX:
        return chain.find_facts(model, rows, batch)
    arguments = inspect.signature(model.forward).parameters
    roles = {spec.role for spec in rows}
    pools = any(head in card.auto_class(subject, config) for head in POOLED)
    has = {"batch"} if batch > 1 else set()
    has |= {role for role in ("tokens", "attention_mask") if role in roles}
    if recipe.get("masks"):
        has.add("masks")
    if "position_ids" in arguments:
        has.add("position_ids")
    if batch > 1 and reading.is_plain_text(rows):
        has.add("right_padding")
        # Heads that pool their states give out none for each token, and some pool the first, which padding on the left moves.
        if "position_ids" in arguments and not pools:
            has.add("left_padding")
    has |= reading.facts(model, card.auto_class(subject, config), rows)
    if _writes(model, card.auto_class(subject, config)):
        has |= {"generates", "continues", "beams"}
        if type(model)._can_compile_fullgraph:
            has.add("static_cache")
    if labels.kind(subject.get("auto_class", "AutoModel"), model) is not None:
        has.add("loss")
    # As the library asks it: the class says so, and some module can be told to.
    if getattr(model, "supports_gradient_checkpointing", False) and any(
        hasattr(part, "gradient_checkpointing") for part in model.modules()
    ):
        has.add("gradient_checkpointing")
    has |= CONVENTIONS - ({"one_state_per_token"} if pools else set())
    names = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    if len(names) > len(dict(model.named_parameters())):
        has.add("tied_weights")
    if modules.compressible(model):
        has.add("linear")
    if making.count(model) <= SMALL:
        has.add("small")
    if subject["kind"] == "architecture":
        has.add("filled")
    else:
        has.add("checkpoint")
        files = set(os.listdir(subject["path"]))
        if files & set(TOKENIZER_FILES):
            has.add("tokenizer")
            if files & set(SENTENCE_ENCODER_FILES):
                has.add("sentence_encoder")
        if card.task(subject["path"], config):
            has.add("pipeline")
    name = subject["name"] if subject["kind"] == "architecture" else config.model_type
    key = designs.design_key({"name": name, "auto_class": card.auto_class(subject, config)})
    if hiding.covered(recipe, key):
        has.add("covering_masks")
    has -= set(overrides.of(key).get("lacks", {}))
    return {
        "class": type(model).__name__,
        "family": catalog.family(name),
        "parameters": making.count(model),
        "has": sorted(has),
        "inputs": [{"name": spec.name, "shape": _shape(spec, batch), "dtype": spec.dtype} for spec in rows],
    }


def _writes(model: torch.nn.Module, auto_class: str) -> bool:
    """Whether the library's `generate` writes text with it: not blocks of it, nor the sound that the base class of a model that speaks
    gives out."""
    if not isinstance(model, transformers.PreTrainedModel) or not model.can_generate() or model.get_output_embeddings() is None:
        return False
    speaks = (
        auto_class in ("AutoModel", "AutoModelForTextToWaveform") and model.config.model_type in MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING_NAMES
    )
    return isinstance(model, transformers.GenerationMixin) and not speaks


def _shape(spec: specs.InputSpec, batch: int) -> list[int]:
    return [batch * spec.shape[0], *spec.shape[1:]] if spec.packed else [batch, *spec.shape]
