"""Group `embedding`: what a real sentence encoder must know."""

from __future__ import annotations

import torch
import transformers

from assay.checks.unit import Unit, of_subject
from assay.observation import Observation

TRIPLES = (
    ("A man is playing a guitar.", "Someone plays an instrument.", "The stock market fell sharply."),
    ("The cat sits on the mat.", "A kitten is resting on a rug.", "He repaired the engine of his car."),
    ("How do I reset my password?", "I forgot my login and need a new one.", "What is the tallest mountain?"),
    ("It is raining heavily today.", "There is a strong downpour.", "She enjoys reading novels."),
    ("The doctor examined the patient.", "A physician checked a sick person.", "The train leaves at noon."),
    ("Children are playing in the park.", "Kids have fun outdoors.", "The contract was signed by both parties."),
    ("He cooked dinner for his family.", "A man prepared a meal at home.", "The satellite entered its orbit."),
    ("The company hired new engineers.", "The firm recruited technical staff.", "Bananas are rich in potassium."),
)
"""An anchor, a sentence of the same meaning, and one of another."""


def similarity(unit: Unit) -> Observation:
    """Whether the sentence of the same meaning is nearer, by the cosine of mean-pooled token states under the mask."""
    seen = Observation()
    tokenizer = of_subject(lambda: transformers.AutoTokenizer.from_pretrained(unit.subject["path"], local_files_only=True))
    sentences = [sentence for triple in TRIPLES for sentence in triple]
    encoded = of_subject(lambda: dict(tokenizer(sentences, padding=True, return_tensors="pt")))
    hidden = unit.forward(encoded)["last_hidden_state"]
    mask = encoded["attention_mask"][..., None].to(hidden.dtype)
    pooled = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1).reshape(len(TRIPLES), 3, -1)
    near, far = (pooled[:, 0] * pooled[:, 1]).sum(-1), (pooled[:, 0] * pooled[:, 2]).sum(-1)
    wrong = [triple[0] for triple, closer, other in zip(TRIPLES, near, far, strict=True) if not closer > other]
    seen.count("sentences nearer to their own meaning", [triple[0] for triple in TRIPLES], wrong)
    seen.note(f"smallest margin {float((near - far).min()):.3f}")
    return seen


OBSERVERS = {"embedding.similarity": similarity}
