"""Group `pipeline`: the task that a checkpoint's card names, as users ask for it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import transformers

from assay.checks import oracle, tokenizer
from assay.checks.unit import SubjectRaised, Tensors, Unit, named_tensors, of_subject, seed_generators
from assay.observation import Observation
from assay.subjects import card

FIRST, SECOND = "The weather in Paris is lovely today.", "Maria wrote a long letter to the bank."
NEW = 8
"""Tokens that are generated."""
SECONDS = 1
RATE = 16_000
"""Samples of a second where the checkpoint says nothing of them."""
SOUNDS = ("automatic-speech-recognition", "audio-classification")
"""Tasks whose examples are sounds."""
LABELS = ["weather", "letter", "bank"]
LEAST = 1e-30
"""Shares below it are taken for this much: in half as many bits they are none."""
CHOSEN_FROM = re.compile(r"^[^.]*(logits|boxes)[^.]*$")
"""What a model gives out that its answer is chosen from."""


@dataclass(frozen=True)
class Task:
    """Two examples, how the pipeline is asked, what it promises for one, and the numbers in that."""

    examples: Callable[[transformers.Pipeline], tuple[Any, Any]]
    promises: Callable[[Any], bool]
    numbers: Callable[[Any], Any]
    options: dict[str, Any] = field(default_factory=dict)
    of_tokens: bool = False
    """Whether there are numbers for each token, along the last axis but one of `numbers`: those of padding are among them."""
    is_chosen: bool = False
    """Whether the answer is made of choices (letters, places, masks), in which small differences are lost or become large ones, and may be
    none: what the model gave out in its first forward stands for it."""


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
    rate = getattr(pipe.feature_extractor, "sampling_rate", RATE)
    times = np.arange(SECONDS * rate) / rate
    return tuple({"raw": np.sin(2 * np.pi * pitch * times).astype(np.float32) / 2, "sampling_rate": rate} for pitch in (220.0, 1760.0))


def _is(value: Any, fields: dict[str, type | tuple[type, ...]]) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in fields.items())


def _rows(fields: dict[str, type | tuple[type, ...]], least: int = 1) -> Callable[[Any], bool]:
    """A list of so many rows at least with these fields, its scores (where there are some) numbers."""

    def promises(answer: Any) -> bool:
        is_list = isinstance(answer, list) and len(answer) >= least
        return is_list and all(_is(row, fields) and np.isfinite(row.get("score") or 0) for row in answer)

    return promises


def _scores(answer: Any) -> list[float]:
    """By label where there are some: their order is that of the scores. Of shares of one the logarithms: where all is settled but one in
    a million, that one still tells two examples apart. (A regression has other numbers.)"""
    scores = [row["score"] for row in sorted(answer, key=lambda row: str(row.get("label", "")))]
    are_shares = all(0 <= score <= 1 + 1e-6 for score in scores)
    return [float(np.log(max(score, LEAST))) for score in scores] if are_shares else scores


def _letters(text: str) -> list[float]:
    return [float(ord(letter)) for letter in text]


LABELLED = _rows({"label": str, "score": float})
MASKED = _rows({"label": str, "score": (float, type(None)), "mask": object}, least=0)
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
    "zero-shot-image-classification": Task(_images, LABELLED, _scores, {"candidate_labels": LABELS}),
    "image-feature-extraction": Task(_images, lambda answer: isinstance(answer, list), lambda answer: answer),
    "depth-estimation": Task(
        _images,
        lambda answer: _is(answer, {"predicted_depth": torch.Tensor, "depth": object}),
        lambda answer: answer["predicted_depth"].tolist(),
    ),
    "object-detection": Task(
        _images,
        _rows({"label": str, "score": float, "box": dict}),
        lambda answer: [[row["score"], *row["box"].values()] for row in answer],
        {"threshold": 0.0},
        is_chosen=True,
    ),
    "image-segmentation": Task(_images, MASKED, lambda answer: [np.asarray(row["mask"]).mean() for row in answer], is_chosen=True),
    "audio-classification": Task(_sounds, LABELLED, _scores, {"top_k": None}),
    "automatic-speech-recognition": Task(
        _sounds,
        lambda answer: _is(answer, {"text": str}),
        lambda answer: _letters(answer["text"]),
        {"max_new_tokens": NEW},
        is_chosen=True,
    ),
}


def task(unit: Unit) -> Observation:
    """Structure and numbers of the answers to two examples, each by itself."""
    seen = Observation()
    name, row = _named(unit)
    answers = [answer for answer, _ in _answers(unit)]
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
    first, second = _numbers(unit)
    for part in first:
        before, after = first[part], second[part]
        if row.of_tokens:
            length = min(len(before), len(after))
            before, after = before[:length], after[:length]
        seen.compare(f"{part} of {name}", after, before)
    return seen


def batch(unit: Unit) -> Observation:
    """Two examples at once, against each by itself."""
    seen = Observation()
    name, row = _named(unit)
    pipe = _pipeline(unit, unit.model)
    examples = list(row.examples(pipe))
    with _heard(unit.model) as heard:
        answers = of_subject(lambda: pipe(examples, batch_size=len(examples), **row.options))
    together = [_answered(row, answer, _part(heard, number, len(examples))) for number, answer in enumerate(answers)]
    exact = _exact(unit, seen)
    is_left = getattr(pipe.tokenizer, "padding_side", "right") == "left"
    for place, results, alone, own in zip(("first", "second"), together, _numbers(unit), exact, strict=True):
        for part, reference in alone.items():
            result = results[part]
            if row.of_tokens:
                result = result[-len(reference) :] if is_left else result[: len(reference)]
            is_same = own is not None and own[part].shape == reference.shape
            seen.compare(f"{part} of {name}, the {place} of two", result, reference, own[part] if is_same else None)
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
            if name not in SOUNDS
            else ("feature_extractor", transformers.AutoFeatureExtractor)
        )
        parts[part] = of_subject(lambda: auto.from_pretrained(path, local_files_only=True))
    return of_subject(lambda: transformers.pipeline(name, model=model, device="cpu", **parts))


def _answers(unit: Unit) -> list[tuple[Any, Tensors]]:
    """The answer to each example by itself, and what the model gave out for it; asked once."""
    return unit.once("answers", lambda: _asked(unit, unit.model))


def _asked(unit: Unit, model: torch.nn.Module) -> list[tuple[Any, Tensors]]:
    _, row = _named(unit)
    pipe = _pipeline(unit, model)
    seed_generators(unit.seed)
    asked = []
    for example in row.examples(pipe):
        with _heard(model) as heard:
            answer = of_subject(lambda example=example: pipe(example, **row.options))
        asked.append((answer, dict(heard)))
    return asked


@contextmanager
def _heard(model: torch.nn.Module) -> Iterator[Tensors]:
    """What the answers are chosen from in the first forward within it."""
    heard: Tensors = {}

    def keep(_module: torch.nn.Module, _arguments: Any, output: Any) -> None:
        outputs = named_tensors(output)
        if not heard:
            heard.update({name: tensor for name, tensor in outputs.items() if CHOSEN_FROM.match(name)} or outputs)

    handle = model.register_forward_hook(keep)
    try:
        yield heard
    finally:
        handle.remove()


def _part(heard: Tensors, number: int, of: int) -> Tensors:
    """What is one example's of what was given out for several."""
    return {name: tensor.chunk(of)[number] for name, tensor in heard.items() if tensor.ndim and len(tensor) % of == 0}


def _exact(unit: Unit, seen: Observation) -> list[Tensors | None]:
    """The answers in float64."""
    _, row = _named(unit)
    try:
        with oracle.all_wide():
            return [_answered(row, *asked) for asked in _asked(unit, unit.model64)]
    except SubjectRaised as exception:
        seen.note(f"no float64 run to compare with: {type(exception.original).__name__}: {exception.original}"[:200])
        return [None, None]


def _numbers(unit: Unit) -> list[Tensors]:
    _, row = _named(unit)
    return [_answered(row, *asked) for asked in _answers(unit)]


def _answered(row: Task, answer: Any, heard: Tensors) -> Tensors:
    """What an answer is compared by."""
    if row.is_chosen and heard:
        return {name: tensor.float() for name, tensor in heard.items()}
    # Answers are kept as Python's own numbers, which are wide; what they were made of is narrow.
    return {"answer": torch.tensor(row.numbers(answer), dtype=torch.float64).float()}


OBSERVERS = {"pipeline.task": task, "pipeline.moves": moves, "pipeline.batch": batch}
