"""Group `negative`: what is not valid is refused, or at least answered finitely."""

from __future__ import annotations

import torch

from assay import raised
from assay.checks.unit import SubjectRaised, Tensors, Unit
from assay.observation import Observation
from assay.subjects import CONTENT, InputSpec, tree

LONGEST = 640
"""Tokens at most in an absurd length: more than the 512 positions that shrinking leaves, and no more than the cost of attention asks."""
BEYOND = 7
"""How far beyond the vocabulary."""


def _try(seen: Observation, unit: Unit, label: str, inputs: Tensors) -> None:
    try:
        outputs = unit.forward(inputs)
    except SubjectRaised as exception:
        seen.call(label, raised.describe(exception.original, "subject"), [])
    else:
        seen.call(label, None, outputs.values())


def _main(unit: Unit) -> InputSpec:
    """The input without which there is nothing to do."""
    content = [spec for spec in unit.specs if spec.role in CONTENT]
    named = getattr(unit.model, "main_input_name", None)
    main = next((spec for spec in content if spec.name == named), content[0] if content else None)
    if main is None:
        raise ValueError(f"none of the inputs {', '.join(unit.inputs)} carries content")
    return main


def _vocabulary(unit: Unit, spec: InputSpec) -> int:
    """Number of ids that are known: by the configuration, or by a table that is larger (some are padded to a round size)."""
    try:
        table = getattr(unit.model.get_input_embeddings(), "num_embeddings", 0)
    except Exception:  # many models have no such table, and say so in many ways
        table = 0
    sizes = [
        value
        for _, node in tree.nodes(unit.config)
        for name, value in tree.fields(node)
        if name.endswith("vocab_size") and isinstance(value, int)
    ]
    return max([spec.high, table if isinstance(table, int) else 0, *sizes])


def token_out_of_vocabulary(unit: Unit) -> Observation:
    """An id beyond the vocabulary, and a negative one."""
    seen = Observation()
    spec = next(spec for spec in unit.specs if spec.role == "tokens")
    entries = _vocabulary(unit, spec)
    for token in (entries + BEYOND, -entries - BEYOND, -1):
        tokens = unit.inputs[spec.name].clone()
        # Where no token stands for another modality's features.
        tokens[0, -1] = token
        _try(seen, unit, f"token {token} of {entries}", {**unit.inputs, spec.name: tokens})
    return seen


def missing_input(unit: Unit) -> Observation:
    """No input at all, and all but the main one. Some answer for what else is fed (an image without its text): nothing is made up where
    that is what they give out with whatever main input."""
    seen = Observation()
    _try(seen, unit, "no input at all", {})
    main = _main(unit)
    rest = {name: tensor for name, tensor in unit.inputs.items() if name != main.name}
    if rest:
        label = f"no {main.name}"
        try:
            answered = unit.forward(rest)
        except SubjectRaised as exception:
            seen.call(label, raised.describe(exception.original, "subject"), [])
        else:
            changed = unit.forward({**unit.inputs, main.name: unit.other_inputs[main.name]})
            alike = [name for name, tensor in answered.items() if _is_in(tensor, name, unit.reference) and _is_in(tensor, name, changed)]
            made_up = [tensor for name, tensor in answered.items() if name not in alike]
            if made_up or not alike:
                seen.call(label, None, made_up)
            else:
                seen.note(f"with {label} it gives out what is the same with any")
    return seen


def _is_in(tensor: torch.Tensor, name: str, outputs: Tensors) -> bool:
    return name in outputs and torch.equal(outputs[name], tensor)


def wrong_rank(unit: Unit) -> Observation:
    """One dimension less, and one more."""
    seen = Observation()
    name = _main(unit).name
    tensor = unit.inputs[name]
    _try(seen, unit, f"{name} of rank {tensor.ndim - 1}", {**unit.inputs, name: tensor[0]})
    _try(seen, unit, f"{name} of rank {tensor.ndim + 1}", {**unit.inputs, name: tensor[None]})
    return seen


def wrong_dtype(unit: Unit) -> Observation:
    """Numbers where ids belong, whole numbers where values do, and booleans."""
    seen = Observation()
    name = _main(unit).name
    tensor = unit.inputs[name]
    other = torch.int64 if tensor.is_floating_point() else torch.float32
    for dtype in (other, torch.bool):
        _try(seen, unit, f"{name} of {str(dtype).removeprefix('torch.')}", {**unit.inputs, name: tensor.to(dtype)})
    return seen


def empty_input(unit: Unit) -> Observation:
    """No rows, and no length."""
    seen = Observation()
    _try(seen, unit, "a batch of no rows", {name: tensor[:0] for name, tensor in unit.inputs.items()})
    spec = _main(unit)
    tensor = unit.inputs[spec.name]
    if tensor.ndim > 1:
        axis = 1 if spec.role in ("tokens", "series") else tensor.ndim - 1
        # What goes with each token ends with them: a mask of the old length would be refused for its length.
        beside = {other.name for other in unit.specs if spec.role == "tokens" and other.role in ("attention_mask", "token_types")}
        shorter = {name: value.narrow(1, 0, 0) for name, value in unit.inputs.items() if name in beside}
        _try(seen, unit, f"{spec.name} of length 0", {**unit.inputs, **shorter, spec.name: tensor.narrow(axis, 0, 0)})
    return seen


def absurd_length(unit: Unit) -> Observation:
    """Four times as many tokens as the model has positions."""
    seen = Observation()
    spec = next(spec for spec in unit.specs if spec.role == "tokens")
    text = unit.config.get_text_config()
    known = (getattr(text, name, None) for name in ("max_position_embeddings", "n_positions"))
    positions = next((value for value in known if isinstance(value, int) and value > 0), LONGEST)  # XLNet says -1: none
    length = min(LONGEST, 4 * positions)
    inputs = dict(unit.inputs)
    for other in unit.specs:
        if other.role in ("tokens", "attention_mask", "token_types"):
            longer = InputSpec(**{**vars(other), "shape": (length, *other.shape[1:])})
            inputs[other.name] = unit.redraw(longer, unit.seed)
    _try(seen, unit, f"{spec.name} of {length} tokens", inputs)
    return seen


OBSERVERS = {
    "negative.token_out_of_vocabulary": token_out_of_vocabulary,
    "negative.missing_input": missing_input,
    "negative.wrong_rank": wrong_rank,
    "negative.wrong_dtype": wrong_dtype,
    "negative.empty_input": empty_input,
    "negative.absurd_length": absurd_length,
}
