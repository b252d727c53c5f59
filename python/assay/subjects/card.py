"""What a checkpoint says that it is for: the class that its weights are of, and the task of its model card."""

from __future__ import annotations

import os
import re
from typing import Any

from transformers.models.auto import modeling_auto
from transformers.pipelines import SUPPORTED_TASKS

from assay.subjects import designs

ALIASES = {"sentence-similarity": "feature-extraction"}
"""Tasks of cards that the library's pipelines know by another name."""
TEXT, IMAGE = ("tokenizer.json", "tokenizer_config.json"), ("preprocessor_config.json", "processor_config.json")
FILES: dict[str, tuple[tuple[str, ...], ...]] = {
    "feature-extraction": (TEXT,),
    "text-classification": (TEXT,),
    "token-classification": (TEXT,),
    "question-answering": (TEXT,),
    "fill-mask": (TEXT,),
    "text-generation": (TEXT,),
    "image-classification": (IMAGE,),
    "zero-shot-image-classification": (TEXT, IMAGE),
    "image-feature-extraction": (IMAGE,),
    "depth-estimation": (IMAGE,),
    "object-detection": (IMAGE,),
    "image-segmentation": (IMAGE,),
    "audio-classification": (IMAGE,),
    "automatic-speech-recognition": (TEXT, IMAGE),
}
"""The tasks that there is an example for (`checks/pipeline.py`), and of which files it needs one each."""
LAST = "AutoModelForPreTraining"
"""Names classes that another auto class names as well."""


def auto_class(subject: dict[str, Any], config: Any) -> str:
    """The auto class of a subject; of a checkpoint, that of the class which its configuration names, so that its head is under test, too.
    `AutoModel` where it names none that an auto class knows."""
    if subject["kind"] != "checkpoint":
        return subject.get("auto_class", "AutoModel")
    named = (getattr(config, "architectures", None) or [None])[0]
    heads = [name for name in dir(modeling_auto) if name.startswith("AutoModelFor") and name != LAST]
    for name in [*heads, LAST]:
        mapping = getattr(getattr(modeling_auto, name), "_model_mapping", None)
        known = getattr(mapping, "_model_mapping", {}).get(config.model_type)
        if named and named in ((known,) if isinstance(known, str) else known or ()):
            return name
    return "AutoModel"


def design_key_of_checkpoint(subject: dict[str, Any], config: Any) -> str:
    """By what a design names the architecture and class of a checkpoint."""
    return designs.design_key({"name": getattr(config, "model_type", ""), "auto_class": auto_class(subject, config)})


def task(path: str, config: Any) -> str | None:
    """The task of a checkpoint that can be tried here: its card's, or that of its class; none where the card names one without an example,
    or a file is missing."""
    named = _of_card(path)
    files = set(os.listdir(path))
    for name in [ALIASES.get(named, named)] if named else _of_class(config):
        if name in FILES and name in SUPPORTED_TASKS and all(files & set(needed) for needed in FILES[name]):
            return name
    return None


def _of_card(path: str) -> str | None:
    """`pipeline_tag` in the front matter of the README."""
    try:
        with open(os.path.join(path, "README.md"), encoding="utf-8") as card:
            text = card.read()
    except (OSError, UnicodeDecodeError):
        return None
    front = re.match(r"---\s*\n(.*?)\n---\s*\n", text, re.DOTALL)
    tag = re.search(r"^pipeline_tag:\s*[\"']?([\w-]+)", front.group(1), re.MULTILINE) if front else None
    return tag.group(1) if tag else None


def _of_class(config: Any) -> list[str]:
    """The tasks whose auto class is that of the configuration's class."""
    own = auto_class({"kind": "checkpoint"}, config)
    return [name for name, row in SUPPORTED_TASKS.items() if own in {auto.__name__ for auto in row["pt"]}]
