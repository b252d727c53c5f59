"""Configurations and models of subjects, from a recipe."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import torch
import transformers
from transformers.models.auto import modeling_auto

from assay.raised import NotAModel
from assay.subjects import card, timm_models, tree


def default_config(subject: dict[str, Any]) -> Any:
    """The configuration as the library (or the checkpoint) has it. Where a model type's class wants the configuration of a part, that
    part."""
    if subject["kind"] == "checkpoint":
        return transformers.AutoConfig.from_pretrained(
            subject["path"], local_files_only=True, trust_remote_code=subject["trust_remote_code"]
        )
    config = transformers.AutoConfig.for_model(subject["name"])
    if subject["auto_class"] == "AutoModelForCausalLM" and getattr(config, "is_decoder", None) is False and not config.is_encoder_decoder:
        config.is_decoder = True  # the switch that the library itself asks for, where an encoder has a causal head as well
    found = model_class(subject, config)
    wanted = getattr(found, "config_class", None)
    if wanted is not None and not isinstance(config, wanted):
        part = next((node for _, node in tree.nodes(config) if isinstance(node, wanted)), None)
        # Of Jev: its head lies beside the weights of another model, from whose files alone the library makes the configuration of both.
        if part is None and getattr(wanted, "extra_config_files", ()):
            raise NotAModel(f"{found.__name__} takes a {wanted.__name__}, which only the files of a checkpoint give")
        return config if part is None else part
    return config


def make_config(subject: dict[str, Any], recipe: dict[str, Any]) -> Any:
    """The configuration under test: the default with the recipe's changes."""
    config = default_config(subject)
    for change in recipe["changes"]:
        tree.put(config, change["field"], change["to"])
    return config


def model_class(subject: dict[str, Any], config: Any) -> type | None:
    """The class that an auto class makes of a configuration; none if it knows none."""
    mapping = _mapping(subject)
    try:
        found = mapping[type(config)]
    except (KeyError, AttributeError):
        return None
    except ValueError:  # its package doesn't export the class that the mapping names: it stands beside the configuration (docs/findings)
        module = importlib.import_module(type(config).__module__.replace("configuration_", "modeling_"))
        return getattr(module, mapping._model_mapping[config.model_type], None)
    return found[0] if isinstance(found, (tuple, list)) else found


def _mapping(subject: dict[str, Any]) -> Any:
    # From where the library itself keeps it: what stands in the place of `transformers.AutoModel` is for the evidence to see.
    return getattr(modeling_auto, subject.get("auto_class", "AutoModel"))._model_mapping


def _is_lost(subject: dict[str, Any], config: Any) -> bool:
    """Whether an auto class names a class for a configuration and doesn't find it: it is not exported, or a second key hides the first."""
    try:
        return type(config) not in _mapping(subject) or not _mapping(subject)[type(config)]
    except ValueError:
        return True


def make_model(subject: dict[str, Any], config: Any, *, meta: bool = False) -> torch.nn.Module:
    """The model as the library initialises it, in eval mode and float32; on `meta` without memory for its weights."""
    if subject["kind"] == "checkpoint" and not meta:
        return load_model(subject, config)[0]
    if subject["kind"] == "checkpoint":
        subject = {**subject, "auto_class": card.auto_class(subject, config)}
    auto = getattr(transformers, subject.get("auto_class", "AutoModel"))
    config = copy.deepcopy(config)
    timm_models.register(config)
    with torch.device("meta" if meta else "cpu"):
        # The configuration of a part is in no mapping: then the class that wants it makes the model.
        found = model_class(subject, config)
        own = found is None and subject["kind"] == "architecture"
        whole = model_class(subject, transformers.AutoConfig.for_model(subject["name"])) if own else None
        if whole is not None and isinstance(config, whole.config_class):
            model = whole(config)
        elif found is not None and _is_lost(subject, config):
            model = found._from_config(config)
        else:
            model = auto.from_config(config)
    return model.eval() if meta else model.float().eval()


def load_model(subject: dict[str, Any], config: Any) -> tuple[torch.nn.Module, dict[str, Any]]:
    """The model of a checkpoint, in eval mode and float32, and what the library says of loading it."""
    model, loading = getattr(transformers, card.auto_class(subject, config)).from_pretrained(
        subject["path"],
        local_files_only=True,
        dtype=torch.float32,
        trust_remote_code=subject["trust_remote_code"],
        use_safetensors=None if subject["allow_pickle"] else True,
        output_loading_info=True,
    )
    return model.eval(), loading
