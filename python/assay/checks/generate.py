"""Group `generate`: tokens one after the other, by a cache, by beams, behind padding: always what a plain forward over all of them says."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from transformers.utils import ModelOutput

from assay.checks import oracle
from assay.checks.batch import note_oracle, pad
from assay.checks.unit import SubjectRaised, Tensors, Unit, of_subject, seed_generators
from assay.observation import Observation
from assay.subjects import InputSpec, tree
from assay.subjects.hiding import hide

NEW = 6
"""Tokens that are generated: a cache that goes wrong does so at the second, one that counts wrong at the third."""
HIDDEN = 2
"""One of so many parts of a source is left in its last row."""
SHORT = 2
"""Tokens of a short prompt: the convolutions of state-space models see four."""
BEAMS = 3
NOTHING_FORCED = dict.fromkeys(
    (
        "eos_token_id",
        "forced_bos_token_id",
        "forced_eos_token_id",
        "suppress_tokens",
        "begin_suppress_tokens",
        "bad_words_ids",
        "repetition_penalty",
        "min_length",
        "min_new_tokens",
        "max_length",
    )
)
"""What a checkpoint's settings forbid or force is no matter of the model: it would hide what the model says itself."""


@dataclass
class Generated:
    """What `generate` gave out."""

    prompt: int
    """Length of what stands before the first new token: the prompt, or the token that a decoder starts with."""
    sequences: torch.Tensor
    """(rows, prompt + new)."""
    logits: torch.Tensor | None
    """(rows, new, vocabulary), but of beams: before anything was forbidden or forced."""
    scores: torch.Tensor | None
    """Of beams: the mean log-probability of the new tokens, for each sequence."""

    @property
    def new(self) -> torch.Tensor:
        """The new tokens, (rows, new)."""
        return self.sequences[:, self.prompt :]


def greedy(unit: Unit) -> Observation:
    """The tokens against those with the highest score of each step, and the first against the one that a decoder starts with."""
    seen = Observation()
    generated = _greedy(unit)
    scores = generated.logits.clone()
    scores[:, :, [token for token in unordinary(unit) if token < scores.shape[-1]]] = -torch.inf
    for step in range(NEW):  # no token comes twice
        scores[:, step].scatter_(-1, generated.sequences[:, : generated.prompt + step], -torch.inf)
    seen.compare("tokens, and those of the highest score", generated.new, scores.argmax(-1))
    if unit.model.config.is_encoder_decoder:
        start = generated.sequences.new_full((generated.sequences.shape[0], 1), _start(unit))
        seen.compare("the token that the decoder starts with", generated.sequences[:, :1], start)
    return seen


def cache(unit: Unit) -> Observation:
    """Scores of each step, made with the cache, against those of one forward over all tokens; and behind a prompt that is shorter than
    what a convolution sees."""
    seen = _against_plain(unit, _greedy(unit))
    short = _begun(unit)
    if short is not None:
        generated = _generate(unit, short)
        tokens = generated.sequences[:, :-1]
        inputs = {name: tokens if name in _tokens(unit) else torch.ones_like(tokens) for name in short}
        plain, plain64 = unit.forward(inputs), unit.forward64(inputs)
        views = [None if its is None else its["logits"][:, -NEW:] for its in (plain, plain64)]
        _compare(seen, f"scores of all steps behind {SHORT} tokens", generated.logits, *views)
    return seen


def _tokens(unit: Unit) -> list[str]:
    return [spec.name for spec in unit.specs if spec.role == "tokens"]


def _begun(unit: Unit) -> Tensors | None:
    """The first tokens of the prompt, where that is plain text for a decoder alone."""
    is_plain = {spec.role for spec in unit.specs} <= {"tokens", "attention_mask"} and not any(spec.placed for spec in unit.specs)
    if not is_plain or unit.model.config.is_encoder_decoder or len(_tokens(unit)) != 1:
        return None
    return {name: its[:, :SHORT] for name, its in prompt(unit).items()}


def static_cache(unit: Unit) -> Observation:
    """The same with a cache that is allocated before."""
    return _against_plain(unit, _generate(unit, prompt(unit), cache_implementation="static", disable_compile=True))


def left_padding(unit: Unit) -> Observation:
    """Scores behind a prompt that is padded on the left against those without padding."""
    seen = Observation()
    straight = _greedy(unit)
    inputs = {name: pad(unit, name, tensor, left=True) for name, tensor in prompt(unit).items()}
    behind = _generate(unit, inputs)
    # What one forward over all tokens says is another matter (`generate.cache`).
    exact = _greedy64(unit)
    steps = _agreeing(behind.new, straight.new) + 1
    same = 0 if exact is None else _agreeing(exact.new, straight.new) + 1
    for step in range(steps):
        scores64 = exact.logits[:, step] if step < same else None
        seen.compare(f"scores of step {step}", behind.logits[:, step], straight.logits[:, step], scores64)
    note_oracle(seen, unit)
    return seen


def beam(unit: Unit) -> Observation:
    """What beam search says of the sequences that it found against the log-probability that one forward gives them."""
    seen = Observation()
    # All that it ends with: the best one of a row may have kept its place, and its cache, all along.
    found = _generate(unit, prompt(unit), num_beams=BEAMS, num_return_sequences=BEAMS, length_penalty=1.0, output_scores=True)
    if found.scores is None:
        raise ValueError("beam search gave out no scores")
    each, each64 = [], []
    for place in range(BEAMS):
        one = Generated(found.prompt, found.sequences[place::BEAMS], None, None)
        plain, plain64 = _plain(unit, one), _plain(unit, one, exact=True)
        each.append(_log_probabilities(plain, one.new))
        each64 += [] if plain64 is None else [_log_probabilities(plain64, one.new)]
    tokens = torch.stack(each, 1).flatten(0, 1)
    tokens64 = torch.stack(each64, 1).flatten(0, 1) if each64 else None
    exact = None if tokens64 is None else tokens64.mean(1)
    _compare(seen, "mean log-probability of each sequence", found.scores, tokens.mean(1), exact)
    own = seen.fields["comparisons"][-1]["oracle"]
    if own is not None and tokens64 is not None:
        # One number for each sequence is a small sample of the reference's error: it may be none by luck.
        own["reference"] = max(own["reference"], float((tokens.double() - tokens64).pow(2).mean().sqrt()))
    note_oracle(seen, unit)
    return seen


def prompt(unit: Unit) -> Tensors:
    """What `generate` is fed: all but the decoder's own."""
    inputs = _shorter(unit)
    return {spec.name: inputs[spec.name] for spec in unit.specs if not spec.name.startswith("decoder_")}


def _shorter(unit: Unit) -> Tensors:
    """The inputs, with the end of the last row hidden from whoever reads a source: once there is a cache the mask over it is all that a
    decoder still gets of what was padding."""
    inputs = dict(unit.inputs)
    if unit.model.config.is_encoder_decoder:
        texts = {spec.shape for spec in unit.specs if spec.role == "tokens"}
        for spec in unit.specs:
            if spec.role == "attention_mask" and spec.shape in texts:
                inputs[spec.name] = hide(inputs[spec.name], HIDDEN)
    return inputs


def _greedy(unit: Unit) -> Generated:
    """Token by token, with the default cache."""
    return unit.once("greedy", lambda: _generate(unit, prompt(unit)))


def _greedy64(unit: Unit) -> Generated | None:
    """The same by the oracle; `None` if it can't run in float64."""
    wide = {name: value.double() if value.is_floating_point() else value for name, value in prompt(unit).items()}
    try:
        with oracle.all_wide():
            return _generate(unit, wide, unit.model64)
    except SubjectRaised as exception:
        unit.oracle_lacking = f"{type(exception.original).__name__}: {exception.original}"[:200]
        return None


def _against_plain(unit: Unit, generated: Generated) -> Observation:
    seen = Observation()
    plain, plain64 = _plain(unit, generated), _plain(unit, generated, exact=True)
    _compare(seen, "scores of all steps", generated.logits, plain, plain64)
    note_oracle(seen, unit)
    return seen


def _compare(seen: Observation, label: str, generated: torch.Tensor, plain: torch.Tensor, exact: torch.Tensor | None) -> None:
    """What `generate` hands out has 32 bits, whatever the model has: one in float64, too."""
    seen.compare(label, generated, plain.to(generated.dtype), exact)


def _generate(unit: Unit, inputs: Tensors, model: Any = None, **settings: Any) -> Generated:
    model = unit.model if model is None else model
    # Some hand their prompt to a part that writes, which has settings of its own.
    writers = [part for part in model.modules() if getattr(part, "generation_config", None) is not None]
    kept = [part.generation_config for part in writers]
    unit.forget()

    def call() -> Any:
        seed_generators(unit.seed)
        with unit.unnarrowed(), torch.no_grad():
            return model.generate(**{name: tensor.clone() for name, tensor in inputs.items()})

    # Given as an argument, what they leave open would be filled from the model's own.
    for part, config in zip(writers, kept, strict=True):
        part.generation_config = _settings(unit, config, settings)
    try:
        output = of_subject(call)
    finally:
        for part, config in zip(writers, kept, strict=True):
            part.generation_config = config
    scores = getattr(output, "sequences_scores", None)
    # With beams they are those of all beams, not of the sequences that were found.
    logits = None if scores is not None else torch.stack(output.logits, 1)
    return Generated(output.sequences.shape[1] - NEW, output.sequences, logits, scores)


def _settings(unit: Unit, own: Any, settings: dict[str, Any]) -> Any:
    config = copy.deepcopy(own)
    config.update(**NOTHING_FORCED, max_new_tokens=NEW, do_sample=False, num_beams=1, use_cache=True)
    # Where the head is the embedding, a token's likeliest successor is itself, and what is all the same can't be mixed up: no token comes
    # twice. Scores stay those of the model.
    config.update(no_repeat_ngram_size=1, suppress_tokens=unordinary(unit))
    config.update(
        return_dict_in_generate=True, output_logits=True, pad_token_id=config.pad_token_id or 0, decoder_start_token_id=_start(unit)
    )
    config.update(**settings)
    return config


def unordinary(unit: Unit) -> list[int]:
    """Tokens that no text is drawn of. Among the generated ones a plain forward would take them for padding, or for the place of an image,
    which to generation, token by token, they were not."""
    role = "decoder_tokens" if unit.model.config.is_encoder_decoder else "tokens"
    specs = [spec for specs, _ in unit.fed for spec in specs if spec.role == role]
    if not specs:
        return []
    placed = {token for spec in specs for _, token in spec.placed}
    ordinary = set(range(specs[0].low, specs[0].high)) - placed
    sizes = [getattr(node, "vocab_size", None) for _, node in tree.nodes(unit.model.config)]
    return [token for token in range(max(size for size in sizes if isinstance(size, int))) if token not in ordinary]


def _plain(unit: Unit, generated: Generated, *, exact: bool = False) -> torch.Tensor | None:
    """Logits of the new tokens, (rows, new, vocabulary), by one forward over all tokens; in float64, where the model can."""
    inputs = _shorter(unit)
    if unit.model.config.is_encoder_decoder:
        own = [name for name in inputs if name.startswith("decoder_") and name != "decoder_input_ids"]
        inputs = {name: tensor for name, tensor in inputs.items() if name not in own}
        inputs["decoder_input_ids"] = generated.sequences[:, :-1]
    else:
        inputs |= {spec.name: _longer(unit, spec, inputs[spec.name], generated) for spec in unit.specs}
    outputs = unit.forward64(inputs) if exact else unit.forward(inputs)
    return None if outputs is None else outputs["logits"][:, -NEW:]


def _longer(unit: Unit, spec: InputSpec, tensor: torch.Tensor, generated: Generated) -> torch.Tensor:
    """An input as long as all tokens but the last: `generate` goes on in the way that the last one of the prompt was."""
    if spec.role == "tokens":
        return torch.cat([tensor, generated.new[:, :-1]], 1)
    more = (tensor.shape[0], NEW - 1, *tensor.shape[2:])
    if spec.role == "attention_mask":
        return torch.cat([tensor, tensor.new_ones(more)], 1)
    if spec.role == "token_kinds":
        # Of what kind a new token is, the class may say (the suffix of a prefix); or else it is text, which is kind 0.
        kinds = tensor
        for _ in range(NEW - 1):
            kinds = unit.model._update_model_kwargs_for_generation(ModelOutput(), {spec.name: kinds})[spec.name]
        return torch.cat([tensor, tensor.new_zeros(more)], 1) if kinds.shape == tensor.shape else kinds
    # Which images a token sees.
    sees = "attention_mask" in spec.name and len(spec.shape) > 1 and spec.shape[0] == generated.prompt
    return torch.cat([tensor, tensor[:, -1:].expand(more)], 1) if sees or spec.role == "token_types" else tensor


def _log_probabilities(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    return logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]


def _agreeing(tokens: torch.Tensor, others: torch.Tensor) -> int:
    """How many of the first tokens are the same in every row, at most all but the last: a step's scores follow from those before."""
    same = (tokens == others).all(0)[:-1].long()
    return int(same.cumprod(0).sum())


def _start(unit: Unit) -> int | None:
    """The token that the decoder starts with, as the configuration says; where it says nothing (T5's default), padding, as T5 has it."""
    if not unit.model.config.is_encoder_decoder:
        return None
    config = unit.model.generation_config
    tokens = (config.decoder_start_token_id, config.bos_token_id, config.pad_token_id, 0)
    return next(token for token in tokens if token is not None)


OBSERVERS = {
    "generate.greedy": greedy,
    "generate.cache": cache,
    "generate.static_cache": static_cache,
    "generate.left_padding": left_padding,
    "generate.beam": beam,
}
