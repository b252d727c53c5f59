"""What a checkpoint writes: greedy continuations of fixed prompts, to be kept as an expectation."""

from __future__ import annotations

import torch

from assay.checks import tokenizer
from assay.checks.unit import Unit, of_subject, seed_generators

PROMPTS = ("The capital of France is", "def add(a, b):\n    return", "Once upon a time", "1, 2, 3, 4,")
NEW = 16
"""Tokens of each continuation."""


def tokens(unit: Unit) -> dict[str, list[int]]:
    """The continuation of each prompt, by the prompt. What an encoder read is no part of it."""
    own = of_subject(lambda: tokenizer.load(unit.subject["path"], unit))
    return {prompt: of_subject(lambda prompt=prompt: _continued(unit, own, prompt)) for prompt in PROMPTS}


def _continued(unit: Unit, own: object, prompt: str) -> list[int]:
    fed = own(prompt, return_tensors="pt", return_token_type_ids=False)
    seed_generators(unit.seed)
    with torch.no_grad():
        written = unit.model.generate(**fed, do_sample=False, num_beams=1, max_new_tokens=NEW)[0]
    start = 0 if unit.model.config.is_encoder_decoder else fed["input_ids"].shape[1]
    return written[start:].tolist()
