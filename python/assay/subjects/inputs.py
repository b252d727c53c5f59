"""Inputs from the forward signature and the configuration: a spec per argument, and tensors from a spec and a seed."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

BATCH = 2
TOKENS = 12
DECODER_TOKENS = 8
FRAMES_PER_SECOND_DIVISOR = 12
"""Frames that a raw waveform should give after the feature extractor."""
IMAGE = 64
"""Side of an image where the configuration names none."""


@dataclass(frozen=True)
class InputSpec:
    """One argument of `forward`. `shape` is that of one row, without the batch."""

    name: str
    role: str
    dtype: str
    shape: tuple[int, ...]
    low: int = 0
    high: int = 0
    sequence_axis: int | None = None
    placeholders: tuple[int, ...] = field(default=())
    """Positions in a row that hold `placeholder` instead of a drawn token: where the features of another modality go."""
    placeholder: int = -1
    batch_axis: int = 0


def input_specs(recipe: dict[str, Any]) -> list[InputSpec]:
    """The specs of a recipe."""
    rows = ({**row, "shape": tuple(row["shape"]), "placeholders": tuple(row["placeholders"])} for row in recipe["inputs"])
    return [InputSpec(**row) for row in rows]


def variants(recipe: dict[str, Any]) -> list[str]:
    """Names of the sets of inputs that together reach every tower."""
    return recipe.get("variants", ["all"])


def make_inputs(
    subject: dict[str, Any], recipe: dict[str, Any], config: Any, *, seed: int, batch: int = BATCH, variant: str | None = None
) -> dict[str, torch.Tensor]:
    """Keyword arguments of `forward`: the same for the same seed, other rows and other seeds differ."""
    del subject, config, variant
    return {spec.name: draw(spec, seed, batch) for spec in input_specs(recipe)}


def draw(spec: InputSpec, seed: int, batch: int) -> torch.Tensor:
    """A tensor for a spec. Each row has a stream of its own, so that row 0 is the same in a batch of 1 and of 2."""
    rows = []
    for row in range(batch):
        digest = hashlib.sha256(f"{seed}/{spec.name}/{row}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
        rows.append(_row(spec, generator))
    return torch.stack(rows)


def _row(spec: InputSpec, generator: torch.Generator) -> torch.Tensor:
    if spec.role in ("attention_mask", "observed_mask"):
        return torch.ones(spec.shape, dtype=getattr(torch, spec.dtype))
    if spec.role == "position_ids":
        return torch.arange(spec.shape[0])
    if spec.dtype == "int64":
        values = torch.randint(spec.low, spec.high, spec.shape, generator=generator)
        for position in spec.placeholders:
            values[position] = spec.placeholder
        return values
    return torch.randn(spec.shape, generator=generator)


def specify(model: torch.nn.Module, config: Any) -> list[InputSpec]:
    """The inputs that a model takes, by the conventions of transformers."""
    arguments = inspect.signature(model.forward).parameters
    specs = []
    for name in arguments:
        rule = BY_NAME.get(name)
        spec = rule(name, config, model, arguments) if rule else None
        if spec is not None:
            specs.append(spec)
    return specs


def as_rows(specs: list[InputSpec]) -> list[dict[str, Any]]:
    """Specs as JSON."""
    return [asdict(spec) for spec in specs]


def _text(config: Any) -> Any:
    """The configuration of the text part; a text model is its own."""
    get = getattr(config, "get_text_config", None)
    return get() if get else config


def _vision(config: Any) -> Any | None:
    node = getattr(config, "vision_config", config)
    return node if any(hasattr(node, name) for name in ("num_channels", "in_channels", "image_size", "patch_size")) else None


def vocabulary(config: Any) -> int | None:
    """Number of tokens that the configuration knows."""
    for node in (_text(config), getattr(config, "decoder", config), config):
        size = getattr(node, "vocab_size", None)
        if isinstance(size, int) and size > 0:
            return size
    return None


def _lowest_token(config: Any, entries: int) -> tuple[int, int]:
    """A range of ids without the special ones: they sit at both ends of the vocabulary."""
    special = {value for name, value in vars(_text(config)).items() if name.endswith("token_id") and isinstance(value, int)}
    special |= {value for name, value in vars(config).items() if name.endswith(("token_id", "token_index")) and isinstance(value, int)}
    low = max((token + 1 for token in special if token < entries // 4), default=1)
    high = min((token for token in special if token >= entries // 2), default=entries)
    return low, high


def _tokens(name: str, config: Any, model: torch.nn.Module, arguments: Any) -> InputSpec | None:
    entries = vocabulary(config)
    # A speech or image encoder's vocabulary is that of its decoder or head.
    if entries is None or getattr(model, "main_input_name", "input_ids") not in ("input_ids", name):
        return None
    low, high = _lowest_token(config, entries)
    decoder = name == "decoder_input_ids"
    length = DECODER_TOKENS if decoder else TOKENS
    places: tuple[int, ...] = ()
    placeholder = -1
    if not decoder and "pixel_values" in arguments:
        count, placeholder = _image_tokens(config, model)
        places = tuple(range(1, 1 + count))
        length += count
    role = "decoder_tokens" if decoder else "tokens"
    return InputSpec(name, role, "int64", (length,), low, high, 1, places, placeholder)


def _decoder_tokens(name: str, config: Any, model: torch.nn.Module, arguments: Any) -> InputSpec | None:
    if not getattr(config, "is_encoder_decoder", False):
        return None
    entries = vocabulary(config)
    if entries is None:
        return None
    low, high = _lowest_token(config, entries)
    return InputSpec(name, "decoder_tokens", "int64", (DECODER_TOKENS,), low, high, 1)


def _image_tokens(config: Any, model: torch.nn.Module) -> tuple[int, int]:
    """How many tokens an image takes, by the model's own features, and the token that stands for each."""
    token = next(
        (getattr(config, name) for name in ("image_token_id", "image_token_index") if isinstance(getattr(config, name, None), int)),
        None,
    )
    features = getattr(model, "get_image_features", None)
    pixels = _pixels("pixel_values", config, model, {})
    if token is None or features is None or pixels is None:
        return 0, -1
    with torch.no_grad():
        answer = features(pixel_values=draw(pixels, 0, 1))
    answer = getattr(answer, "pooler_output", answer)
    while isinstance(answer, (list, tuple)):
        answer = answer[0]
    return answer.numel() // answer.shape[-1], token


def _mask(name: str, config: Any, model: torch.nn.Module, arguments: Any) -> InputSpec | None:
    tokens = _tokens("input_ids", config, model, arguments) if "input_ids" in arguments else None
    if tokens is None:
        return None
    return InputSpec(name, "attention_mask", "int64", tokens.shape, sequence_axis=1)


def _token_types(name: str, config: Any, model: torch.nn.Module, arguments: Any) -> InputSpec | None:
    types = getattr(_text(config), "type_vocab_size", 0)
    if not isinstance(types, int) or types < 2:
        return None
    return InputSpec(name, "token_types", "int64", (TOKENS,), 0, types, 1)


def _pixels(name: str, config: Any, model: torch.nn.Module, arguments: Any) -> InputSpec | None:
    vision = _vision(config)
    if vision is None:
        return None
    size = getattr(vision, "image_size", None) or IMAGE
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    channels = getattr(vision, "num_channels", None) or getattr(vision, "in_channels", None) or 3
    return InputSpec(name, "pixels", "float32", (channels, height, width))


def _mel(name: str, config: Any, model: torch.nn.Module, arguments: Any) -> InputSpec | None:
    bins = getattr(config, "num_mel_bins", None)
    frames = getattr(config, "max_source_positions", None)
    if not isinstance(bins, int) or not isinstance(frames, int):
        return None
    return InputSpec(name, "mel", "float32", (bins, 2 * frames))


def _waveform(name: str, config: Any, model: torch.nn.Module, arguments: Any) -> InputSpec | None:
    strides = getattr(config, "conv_stride", None)
    if not isinstance(strides, (list, tuple)):
        return None
    stride = 1
    for step in strides:
        stride *= step
    return InputSpec(name, "waveform", "float32", (stride * FRAMES_PER_SECOND_DIVISOR + stride,))


def _series(length: Callable[[Any], int | None], role: str) -> Callable[..., InputSpec | None]:
    def rule(name: str, config: Any, model: torch.nn.Module, arguments: Any) -> InputSpec | None:
        steps = length(config)
        if steps is None:
            return None
        if name.endswith("time_features"):
            shape: tuple[int, ...] = (steps, getattr(config, "num_time_features", 0))
        else:
            channels = getattr(config, "num_input_channels", None) or getattr(config, "input_size", 1)
            shape = (steps,) if channels == 1 and not hasattr(config, "num_input_channels") else (steps, channels)
        # A model without time features is fed none.
        return InputSpec(name, role if 0 not in shape else "empty", "float32", shape)

    return rule


def _past(config: Any) -> int | None:
    context = getattr(config, "context_length", None)
    lags = getattr(config, "lags_sequence", None) or [0]
    return context + max(lags) if isinstance(context, int) else None


def _future(config: Any) -> int | None:
    length = getattr(config, "prediction_length", None)
    return length if isinstance(length, int) and getattr(config, "is_encoder_decoder", False) else None


BY_NAME: dict[str, Callable[..., InputSpec | None]] = {
    "input_ids": _tokens,
    "decoder_input_ids": _decoder_tokens,
    "attention_mask": _mask,
    "token_type_ids": _token_types,
    "pixel_values": _pixels,
    "input_features": _mel,
    "input_values": _waveform,
    "past_values": _series(_past, "series"),
    "past_time_features": _series(_past, "series"),
    "past_observed_mask": _series(_past, "observed_mask"),
    "future_values": _series(_future, "series"),
    "future_time_features": _series(_future, "series"),
}
"""How each argument is made; an argument that is not here is left out."""
