"""Time series: the past, its features and mask, and what is to be predicted."""

from __future__ import annotations

from assay.subjects.proposals.context import Context
from assay.subjects.shrinking.editing import integer
from assay.subjects.specs import InputSpec

LENGTHS = (32, 128, 512)
Layout = list[InputSpec]


def layouts(c: Context) -> list[Layout]:
    """Ways to feed `past_values`, with what goes with it."""
    config = c.config
    context = c.value([config], "context_length", default=32)
    lags = c.value([config], "lags_sequence", default=None) or [0]
    length = context + max(lags)
    channels = c.value([config], "num_input_channels")
    width = c.value([config], "input_size", default=1)
    beside = _beside(c, length)
    found: list[Layout] = []
    if c.takes("past_values_padding"):
        for steps in (context, 128):
            padding = InputSpec("past_values_padding", "observed_padding", "int64", (steps,), values=0)
            found.append([_series("past_values", steps), padding, InputSpec("freq", "geometry", "int64", (1,), values=0)])
    if integer(channels):
        found += [[_series("past_values", context, channels), *beside], [_series("past_values", context, channels)]]
    shape = (length,) if width == 1 else (length, width)
    found += [[_series("past_values", *shape), *beside], [_series("past_values", length, 1), *beside]]
    found += [[_series("past_values", steps)] for steps in LENGTHS]
    return [[spec for spec in layout if c.takes(spec.name)] for layout in found]


def _series(name: str, *shape: int) -> InputSpec:
    # A model without time features is fed none.
    return InputSpec(name, "series" if 0 not in shape else "empty", "float32", shape)


def _beside(c: Context, length: int) -> Layout:
    config = c.config
    if not c.takes("past_time_features"):
        return []
    features = c.value([config], "num_time_features", default=0)
    future = c.value([config], "prediction_length", default=8)
    width = c.value([config], "input_size", default=1)
    wide = () if width == 1 else (width,)
    found = [
        _series("past_time_features", length, features),
        InputSpec("past_observed_mask", "observed_mask", "float32", (length, *wide)),
    ]
    if getattr(config, "is_encoder_decoder", False) or "future_values" in c.required:
        found += [_series("future_values", future, *wide), _series("future_time_features", future, features)]
    categories = c.value([config], "num_static_categorical_features", default=0)
    if categories:
        found.append(InputSpec("static_categorical_features", "codes", "int64", (categories,), 0, 1))
    reals = c.value([config], "num_static_real_features", default=0)
    if reals:
        found.append(_series("static_real_features", reals))
    return found
