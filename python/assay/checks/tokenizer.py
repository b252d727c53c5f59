"""Group `tokenizer`: text to tokens and back, as a checkpoint's own files say it."""

from __future__ import annotations

import inspect
import itertools
import os
from typing import Any

import torch
import transformers

from assay.checks.unit import Unit, of_subject
from assay.observation import Observation

TEXTS = {
    "words": "The quick brown fox jumps over the lazy dog.",
    "capitals": "THE QUICK BROWN FOX",
    "accents": "Élève naïve à Zürich, señor Žižek.",
    "CJK": "今日は良い天気です。 你好世界",
    "emoji": "good 😀 day 🚀",
    "digits": "3.14159, 2026-11-21 and 1,000,000",
    "spaces": "two  spaces,\ta tab\nand a line",
    "code": "def f(x): return x['a'] != {0}",
    "nothing": "",
    "long": "all work and no play " * 40,
}


def roundtrip(unit: Unit) -> Observation:
    """What is encoded is decoded and encoded again: what a tokenizer levels by its own design (case, accents, spaces) is level by then."""
    seen = Observation()
    tokenizer = of_subject(lambda: load(unit.subject["path"], unit))
    is_ctc = _is_ctc(tokenizer)
    ids = {name: of_subject(lambda text=text: encoded(tokenizer, text)) for name, text in TEXTS.items()}
    again = {name: of_subject(lambda own=own: encoded(tokenizer, decoded(tokenizer, own))) for name, own in ids.items()}
    returned = {name: _with_its_spaces(tokenizer, ids[name], again[name]) if is_ctc else again[name] for name in ids}
    seen.count("texts that come back", ids, [f"{name}: {_first(ids[name], own)}" for name, own in returned.items() if ids[name] != own])
    unknown = tokenizer.unk_token_id
    known = [name for name, own in ids.items() if any(token != unknown for token in own)]
    seen.tally("vocabularies that know some of the texts", min(1, len(known)), 1)
    _count_table(seen, unit, tokenizer, ids)
    if not is_ctc:  # a blank is nothing in their text, by their design
        _count_special(seen, tokenizer)
    if tokenizer.is_fast:
        _count_offsets(seen, tokenizer)
    _count_others(seen, unit, tokenizer, ids)
    return seen


def load(path: str, unit: Unit, **options: Any) -> Any:
    """The tokenizer of a folder."""
    trust = unit.subject["trust_remote_code"]
    return transformers.AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=trust, **options)


def encoded(tokenizer: Any, text: str) -> list[int]:
    """Tokens of a text alone."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def decoded(tokenizer: Any, ids: list[int]) -> str:
    """The text of tokens. An unknown one stands as its own name, which is read as it again; nothing is tidied up."""
    options = {"group_tokens": False} if _is_ctc(tokenizer) else {}
    return tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False, **options)


def _is_ctc(tokenizer: Any) -> bool:
    """Whether it decodes frames: repeated tokens are one letter, and blanks none."""
    return any("group_tokens" in inspect.signature(method).parameters for method in (tokenizer.decode, tokenizer._decode))


def _with_its_spaces(tokenizer: Any, ids: list[int], again: list[int]) -> list[int]:
    """The tokens that came back, as they were where all that is lost is spaces at the ends or beside unknown tokens: a tokenizer of speech
    takes those for no part of the text."""
    unknown, space = tokenizer.unk_token_id, tokenizer.convert_tokens_to_ids(getattr(tokenizer, "word_delimiter_token", None) or " ")

    def text(tokens: list[int]) -> list[int]:
        if unknown in ids:
            return [token for token in tokens if token not in (unknown, space)]
        places = [place for place, token in enumerate(tokens) if token != space]
        return tokens[places[0] : places[-1] + 1] if places else []

    return ids if text(ids) == text(again) else again


def _first(ids: list[int], again: list[int]) -> str:
    """The first place at which two rows of tokens differ."""
    place = next((place for place, (one, other) in enumerate(zip(ids, again, strict=False)) if one != other), min(len(ids), len(again)))
    return f"{len(ids)} tokens, then {len(again)}, the first other one at {place}"


def _count_table(seen: Observation, unit: Unit, tokenizer: Any, ids: dict[str, list[int]]) -> None:
    """Whether the model has a row for every token that comes up, special ones among them."""
    # A model of texts and images is asked through that of texts; one of sounds has none, and says so by an exception.
    try:
        table = getattr(unit.model, "text_model", unit.model).get_input_embeddings()
    except NotImplementedError:
        table = None
    if not isinstance(table, torch.nn.Embedding):
        seen.note(f"no table of tokens to compare with: {type(table).__name__}")
        return
    tokens = {token for own in ids.values() for token in own} | set(tokenizer.all_special_ids)
    outside = [str(token) for token in sorted(tokens) if not 0 <= token < table.num_embeddings]
    seen.count(f"tokens in the model's table of {table.num_embeddings}", map(str, tokens), outside)


def _count_special(seen: Observation, tokenizer: Any) -> None:
    """A special token is one token, is told by its name, and left out where that is asked for."""
    lacking = []
    special = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    for name, token in special.items():
        told = of_subject(lambda token=token: tokenizer.decode([token], skip_special_tokens=False)).strip()
        silent = of_subject(lambda token=token: tokenizer.decode([token], skip_special_tokens=True)).strip()
        back = of_subject(lambda name=name: encoded(tokenizer, name))
        if (told, silent, back) != (name.strip(), "", [token]):
            lacking.append(f"{name}: encoded as {back}, told as {told!r}, left out as {silent!r}")
    if special:
        seen.count("special tokens that survive", special, lacking)


def _count_offsets(seen: Observation, tokenizer: Any) -> None:
    """Tokens point at the places of the text that they are of, in order, and leave no letter out that is known by itself."""
    lacking = []
    for name, text in TEXTS.items():
        spans = of_subject(lambda text=text: tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"])
        ordered = all(0 <= start <= end <= len(text) for start, end in spans) and all(
            one[0] <= other[0] for one, other in itertools.pairwise(spans)
        )
        covered = {place for start, end in spans for place in range(start, end)}
        left = {text[place] for place in range(len(text)) if place not in covered and not text[place].isspace()}
        left = {letter for letter in left if of_subject(lambda letter=letter: encoded(tokenizer, letter))}
        if not ordered or left:
            lacking.append(f"{name}: {'not in order' if not ordered else 'nothing is of ' + ' '.join(sorted(left))}")
    seen.count("texts that the offsets cover", TEXTS, lacking)


def _count_others(seen: Observation, unit: Unit, tokenizer: Any, ids: dict[str, list[int]]) -> None:
    """The same tokens from the tokenizer saved and loaded, and from the library's other implementation, if there is one."""
    folder = os.path.join(unit.scratch, "tokenizer")

    def saved() -> Any:
        tokenizer.save_pretrained(folder)
        return type(tokenizer).from_pretrained(folder, local_files_only=True)

    others = {"saved and loaded": of_subject(saved)}
    other = of_subject(lambda: load(unit.subject["path"], unit, use_fast=not tokenizer.is_fast))
    if type(other) is not type(tokenizer):
        others[f"by {type(other).__name__}"] = other
    else:
        seen.note(f"{type(tokenizer).__name__} is the only implementation")
    for label, other in others.items():
        lacking = [name for name, text in TEXTS.items() if of_subject(lambda text=text, other=other: encoded(other, text)) != ids[name]]
        seen.count(f"texts with the same tokens, {label}", TEXTS, lacking)


OBSERVERS = {"tokenizer.roundtrip": roundtrip}
