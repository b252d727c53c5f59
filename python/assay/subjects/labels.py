"""Labels for the heads that take them: by the auto class, by the names of the arguments, and by the shapes of what the head gives out."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from assay.subjects import tree

IGNORED = -100
"""What a token's label is where there is none: the default of PyTorch's cross entropy, which the library keeps."""
FOUND = 3
"""Objects in each image: fewer than any detector has queries."""
KINDS = {
    "CausalLM": "tokens",
    "MaskedLM": "tokens",
    "Seq2SeqLM": "tokens",
    "SpeechSeq2Seq": "tokens",
    "ImageTextToText": "tokens",
    "TokenClassification": "tokens",
    "SequenceClassification": "rows",
    "ImageClassification": "rows",
    "AudioClassification": "rows",
    "VideoClassification": "rows",
    "AudioXVector": "rows",
    "MultipleChoice": "rows",
    "NextSentencePrediction": "rows",
    "QuestionAnswering": "spans",
    "CTC": "sequences",
    "SemanticSegmentation": "maps",
    "ObjectDetection": "boxes",
    "InstanceSegmentation": "masks",
    "UniversalSegmentation": "masks",
}
"""What each kind of auto class is labelled with."""
WRITERS = ("CausalLM", "Seq2SeqLM", "SpeechSeq2Seq", "ImageTextToText")
"""Those that write a text."""
ARGUMENTS = {"spans": ("start_positions", "end_positions"), "masks": ("mask_labels", "class_labels")}
"""What the labels go by, where not by `labels`."""


def kind(auto_class: str, model: torch.nn.Module) -> str | None:
    """What the class is labelled with; none if it takes no such labels."""
    found = KINDS.get(auto_class.removeprefix("AutoModelFor"))
    taken = inspect.signature(model.forward).parameters
    return found if found and all(name in taken for name in ARGUMENTS.get(found, ("labels",))) else None


def draw(kind: str, config: Any, inputs: dict[str, torch.Tensor], outputs: dict[str, torch.Tensor], seed: int) -> dict[str, Any]:
    """Labels as arguments of `forward`, for the rows of the inputs and the classes of the outputs."""
    generator = torch.Generator().manual_seed(seed)

    def below(high: int, *shape: int) -> torch.Tensor:
        return torch.randint(0, high, shape, generator=generator)

    logits = outputs.get("logits", outputs.get("start_logits"))
    if kind == "masks":
        rows, size = len(inputs["pixel_values"]), inputs["pixel_values"].shape[-2:]
        classes = config.num_labels
        return {
            "mask_labels": [below(2, FOUND, *size).float() for _ in range(rows)],
            "class_labels": [below(classes, FOUND) for _ in range(rows)],
        }
    if logits is None:
        raise LookupError(f"the head gives out no logits to label: {', '.join(outputs)}")
    rows, classes = logits.shape[0], logits.shape[-1]
    match kind:
        case "tokens":
            # One for each token that is given out; of a text with images or sounds, which may have states of their own beside it, one for
            # each that is fed.
            tokens = inputs.get("input_ids")
            is_mixed = any(tensor.is_floating_point() for tensor in inputs.values()) and "decoder_input_ids" not in inputs
            # Of those that the head lets itself say: some give the tokens of images the least of all numbers.
            allowed = (logits.flatten(0, -2).amax(0) > torch.finfo(logits.dtype).min / 2).nonzero().flatten()
            drawn = below(len(allowed), *(tokens.shape if is_mixed and tokens is not None else logits.shape[:-1]))
            return {"labels": allowed[drawn]}
        case "rows":
            # One class is a number to be told.
            return {"labels": below(classes, rows) if classes > 1 else torch.randn(rows, generator=generator)}
        case "spans":
            return {name: below(logits.shape[1], rows) for name in ARGUMENTS[kind]}
        case "sequences":
            # No label twice in a row, which would want a blank between the two, and none that is the blank itself.
            length = max(1, logits.shape[1] // 3)
            labels = [(torch.randperm(classes - 1, generator=generator)[:length] + 1 + config.pad_token_id) % classes for _ in range(rows)]
            return {"labels": torch.stack(labels)}
        case "maps":
            return {"labels": below(logits.shape[1], rows, *inputs["pixel_values"].shape[-2:])}
        case _:
            centres = [0.3 + 0.4 * torch.rand(FOUND, 2, generator=generator) for _ in range(rows)]
            sizes = [0.1 + 0.4 * torch.rand(FOUND, 2, generator=generator) for _ in range(rows)]
            boxes = [torch.cat(pair, -1) for pair in zip(centres, sizes, strict=True)]
            found = [{"class_labels": below(min(classes, config.num_labels), FOUND), "boxes": box} for box in boxes]
            return {"labels": found}


def writes(auto_class: str) -> bool:
    """Whether the class writes a text from its first token to its last."""
    return auto_class.removeprefix("AutoModelFor") in WRITERS


def entropy(kind: str, auto_class: str, config: Any, outputs: dict[str, Any], drawn: dict[str, Any]) -> torch.Tensor | None:
    """The cross entropy of the scores, in float64; none of kinds whose loss is another. Who writes a text tells at each token the one
    after it, unless an encoder reads the text and a decoder is fed what comes before: those, and all others, tell the one itself."""
    if kind == "spans":
        starts, ends = (cross_entropy(outputs[f"{end}_logits"].double(), drawn[f"{end}_positions"]) for end in ("start", "end"))
        return (starts + ends) / 2
    # A router's own loss would be in it.
    if kind not in ("tokens", "rows") or any(getattr(node, "output_router_logits", False) for _, node in tree.nodes(config)):
        return None
    scores, wanted = outputs["logits"].double(), drawn["labels"]
    if kind == "rows" and scores.shape[-1] == 1:
        return (scores.flatten() - wanted.flatten().double()).square().mean()
    if kind == "tokens":
        scores = scores[:, -wanted.shape[1] :]  # states of an image may come before those of the text
        if writes(auto_class) and not config.is_encoder_decoder:
            scores, wanted = scores[:, :-1], wanted[:, 1:]
    return cross_entropy(scores.flatten(0, -2), wanted.flatten(), ignore_index=IGNORED)


def after(start: int, labels: torch.Tensor, padding: int) -> torch.Tensor:
    """The tokens that a decoder is fed to say the labels: at each place the label of the one before."""
    moved = torch.cat([torch.full_like(labels[:, :1], start), labels[:, :-1]], 1)
    return moved.masked_fill(moved == IGNORED, padding)


@contextmanager
def starting_with(config: Any, token: int) -> Iterator[int]:
    """Within it the configuration says that texts begin with this token, as those of checkpoints do and the defaults of some don't; and
    what texts are padded with, which is given out."""
    nodes = [node for _, node in tree.nodes(config)]
    kept = [dict(vars(node)) for node in nodes]
    padding = next((node.pad_token_id for node in nodes if getattr(node, "pad_token_id", None) is not None), 0)
    try:
        for node in nodes:
            node.decoder_start_token_id = node.bos_token_id = token
            node.pad_token_id = padding
        yield padding
    finally:
        for node, before in zip(nodes, kept, strict=True):
            vars(node).clear()
            vars(node).update(before)
