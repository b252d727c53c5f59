"""Group `pipeline`: the task that a checkpoint's card names, as users ask for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import transformers

from assay.checks import oracle, tokenizer
from assay.checks.unit import SubjectRaised, Unit, of_subject, seed_generators
from assay.observation import Observation
from assay.subjects import card

FIRST, SECOND = "The weather in Paris is lovely today.", "Maria wrote a long letter to the bank."
NEW = 8
"""Tokens that are generated."""
SECONDS = 1
RATE = 16_000


@dataclass(frozen=True)
class Task:
    """Two examples, how the pipeline is asked, what it promises for one, and the numbers in that."""

    examples: Callable[[transformers.Pipeline], tuple[Any, Any]]
    promises: Callable[[Any], bool]
    numbers: Callable[[Any], Any]
    options: dict[str, Any] = field(default_factory=dict)
    of_tokens: bool = False
    """Whether there are numbers for each token, along the last axis but one of `numbers`: those of padding are among them."""


def _texts(pipe: transformers.Pipeline) -> tuple[Any, Any]:
    return FIRST, SECOND


def _masked(pipe: transformers.Pipeline) -> tuple[Any, Any]:
    mask = pipe.tokenizer.mask_token
    return FIRST.replace("weather", mask), SECOND.replace("letter", mask)


def _questions(pipe: transformers.Pipeline) -> tuple[Any, Any]:
    return {"question": "Where is it lovely?", "context": FIRST}, {"question": "Who wrote a letter?", "context": SECOND}


def _images(pipe: transformers.Pipeline) -> tuple[Any, Any]:
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    return Image.fromarray(noise[0]), Image.fromarray(noise[1])


def _sounds(pipe: transformers.Pipeline) -> tuple[Any, Any]:
    times = np.arange(SECONDS * RATE) / RATE
    return tuple({"raw": np.sin(2 * np.pi * pitch * times).astype(np.float32) / 2, "sampling_rate": RATE} for pitch in (220.0, 1760.0))


def _is(value: Any, fields: dict[str, type | tuple[type, ...]]) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in fields.items())


def _rows(fields: dict[str, type | tuple[type, ...]]) -> Callable[[Any], bool]:
    """A list of at least one row with these fields, its scores shares of one."""

    def promises(answer: Any) -> bool:
        is_list = isinstance(answer, list) and len(answer) > 0
        return is_list and all(_is(row, fields) and 0 <= row.get("score", 0) <= 1 + 1e-6 for row in answer)

    return promises


def _scores(answer: Any) -> list[float]:
    """By label where there are some: their order is that of the scores."""
    return [row["score"] for row in sorted(answer, key=lambda row: str(row.get("label", "")))]


def _letters(text: str) -> list[float]:
    return [float(ord(letter)) for letter in text]


LABELLED = _rows({"label": str, "score": float})
TASKS = {
    "feature-extraction": Task(
        _texts, lambda answer: np.asarray(answer).ndim == 3 and len(answer) == 1, lambda answer: answer[0], of_tokens=True
    ),
    "text-classification": Task(_texts, LABELLED, _scores, {"top_k": None}),
    "token-classification": Task(
        _texts,
        _rows({"entity": str, "score": (float, np.floating), "index": int, "word": str}),
        lambda answer: [[float(row["score"])] for row in answer],
        {"ignore_labels": []},
        of_tokens=True,
    ),
    "question-answering": Task(
        _questions,
        lambda answer: _is(answer, {"score": float, "start": int, "end": int, "answer": str}),
        lambda answer: [answer["score"], answer["start"], answer["end"]],
    ),
    "fill-mask": Task(_masked, _rows({"score": float, "token": int, "token_str": str, "sequence": str}), _scores),
    "text-generation": Task(
        _texts,
        lambda answer: _rows({"generated_text": str})(answer),
        lambda answer: _letters(answer[0]["generated_text"]),
        {"do_sample": False, "max_new_tokens": NEW, "return_full_text": False},
    ),
    "image-classification": Task(_images, LABELLED, _scores, {"top_k": 1_000_000}),
    "automatic-speech-recognition": Task(_sounds, lambda answer: _is(answer, {"text": str}), lambda answer: _letters(answer["text"])),
}


def task(unit: Unit) -> Observation:
    """Structure and numbers of the answers to two examples, each by itself."""
    seen = Observation()
    name, row = _named(unit)
    answers = _answers(unit)
    seen.count(
        f"answers as {name} promises them", ("first", "second"), [f"{answer!r:.200}" for answer in answers if not row.promises(answer)]
    )
    for place, answer in zip(("first", "second"), answers, strict=True):
        if row.promises(answer) and (numbers := np.asarray(row.numbers(answer))).size:
            seen.tally(f"finite numbers of the {place} answer", int(np.isfinite(numbers).sum()), numbers.size)
    return seen


def moves(unit: Unit) -> Observation:
    """The answers to two examples."""
    seen = Observation()
    name, row = _named(unit)
    first, second = _numbers(unit, _answers(unit))
    if row.of_tokens:
        length = min(len(first), len(second))
        first, second = first[:length], second[:length]
    seen.compare(f"answers of {name}", second, first)
    return seen


def batch(unit: Unit) -> Observation:
    """Two examples at once, against each by itself."""
    seen = Observation()
    name, row = _named(unit)
    pipe = _pipeline(unit, unit.model)
    together = _numbers(unit, of_subject(lambda: pipe(list(_examples(unit)), batch_size=2, **row.options)))
    exact = _exact(unit, seen)
    is_left = getattr(pipe.tokenizer, "padding_side", "right") == "left"
    for place, result, alone, own in zip(("first", "second"), together, _numbers(unit, _answers(unit)), exact, strict=True):
        if row.of_tokens:
            result = result[-len(alone) :] if is_left else result[: len(alone)]
        seen.compare(f"{name}, the {place} of two", result, alone, own if own is not None and own.shape == alone.shape else None)
    return seen


def _named(unit: Unit) -> tuple[str, Task]:
    name = card.task(unit.subject["path"], unit.config)
    if name is None:
        raise LookupError("the checkpoint has no task that there is an example for")
    return name, TASKS[name]


def _pipeline(unit: Unit, model: torch.nn.Module) -> transformers.Pipeline:
    """The pipeline around a model, with the checkpoint's own files for the rest."""
    name, _ = _named(unit)
    path, files = unit.subject["path"], set(os.listdir(unit.subject["path"]))
    parts: dict[str, Any] = {}
    if card.TEXT in card.FILES[name]:
        parts["tokenizer"] = of_subject(lambda: tokenizer.load(path, unit))
        # To lay two rows side by side; what the padding holds is under the mask.
        parts["tokenizer"].pad_token = parts["tokenizer"].pad_token or parts["tokenizer"].eos_token
    if card.IMAGE in card.FILES[name] and files & set(card.IMAGE):
        part, auto = (
            ("image_processor", transformers.AutoImageProcessor)
            if name == "image-classification"
            else ("feature_extractor", transformers.AutoFeatureExtractor)
        )
        parts[part] = of_subject(lambda: auto.from_pretrained(path, local_files_only=True))
    return of_subject(lambda: transformers.pipeline(name, model=model, device="cpu", **parts))


def _examples(unit: Unit) -> tuple[Any, Any]:
    _, row = _named(unit)
    return row.examples(_pipeline(unit, unit.model))


def _answers(unit: Unit) -> list[Any]:
    """The answer to each example by itself; asked once."""
    if "answers" not in unit.__dict__:
        unit.__dict__["answers"] = _asked(unit, unit.model)
    return unit.__dict__["answers"]


def _asked(unit: Unit, model: torch.nn.Module) -> list[Any]:
    _, row = _named(unit)
    pipe = _pipeline(unit, model)
    seed_generators(unit.seed)
    return [of_subject(lambda example=example: pipe(example, **row.options)) for example in _examples(unit)]


def _exact(unit: Unit, seen: Observation) -> list[torch.Tensor | None]:
    """The answers in float64."""
    try:
        with oracle.all_wide():
            return list(_numbers(unit, _asked(unit, unit.model64)))
    except SubjectRaised as exception:
        seen.note(f"no float64 run to compare with: {type(exception.original).__name__}: {exception.original}"[:200])
        return [None, None]


def _numbers(unit: Unit, answers: list[Any]) -> list[torch.Tensor]:
    _, row = _named(unit)
    # Answers are kept as Python's own numbers, which are wide; what they were made of is narrow.
    return [torch.tensor(row.numbers(answer), dtype=torch.float64).float() for answer in answers]


OBSERVERS = {"pipeline.task": task, "pipeline.moves": moves, "pipeline.batch": batch}
