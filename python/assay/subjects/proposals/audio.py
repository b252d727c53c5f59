"""Sound: mel spectrograms and waveforms, the likeliest layout first."""

from __future__ import annotations

import math

from assay.subjects.proposals.context import Context
from assay.subjects.shrinking.editing import integer
from assay.subjects.specs import InputSpec

MASKS = ("audio_mel_mask", "input_features_mask", "feature_attention_mask", "input_values_mask", "padding_mask")
FRAMES = (64, 128, 200, 100, 300)
CODES = 8
SAMPLES = (1600, 3200, 7680, 16000)
FRAMES_OF_CODEC = 12
HALF_A_SECOND = 8000
OTHER_BINS = (80, 128, 160)
Layout = list[InputSpec]


def layouts(c: Context, name: str) -> list[Layout]:
    """Ways to feed the argument `name`, with its mask where there is one."""
    if name == "audio_input_ids":
        books = c.value([c.audio, c.config], "num_codebooks", "n_mel_bins", default=4)
        return [[InputSpec(name, "codes", "int64", (CODES, books), 0, 50)]]
    own = c.own(name)
    mask = next((mask for mask in MASKS if c.takes(mask)), None)
    if name in ("input_features", "audio_input_features", "audio_mel"):
        return own + _spectrograms(c, name, mask)
    return own + _waveforms(c, name, mask)


def _sound(name: str, role: str, *shape: int) -> InputSpec:
    return InputSpec(name, role, "float32", shape)


def _mask(name: str, *shape: int, dtype: str = "int64") -> InputSpec:
    # This one marks what is padding (Gemma 3n), the others what is sound.
    return InputSpec(name, "sound_mask", dtype, shape, values=int(name != "audio_mel_mask"))


def _spectrograms(c: Context, name: str, mask: str | None) -> list[Layout]:
    found: list[Layout] = []
    positions = c.value([c.audio, c.config], "max_source_positions")
    # Frames that are projected one by one need no table of positions.
    alone = c.value([c.audio, c.config], "feature_projection_input_dim") is not None
    frames = ([2 * positions] if integer(positions) and positions <= 1500 and not alone else []) + list(FRAMES)
    if c.value([c.audio, c.config], "spec_size"):
        longer = InputSpec("is_longer", "geometry", "bool", (1,), values=[False])
        found += [[_sound(name, "mel", 1, 1024, 64), longer], [_sound(name, "mel", 1, 256, 64)]]
        found.append([_sound(name, "mel", 4, 1001, 64), InputSpec("is_longer", "geometry", "bool", (1,), values=[True])])
    for length in frames:
        of_length: list[Layout] = []
        if mask:
            for dtype in ("int64", "bool"):
                of_length.append([_sound(name, "mel", c.mel, length), _mask(mask, length, dtype=dtype)])
                of_length.append([_sound(name, "mel", length, c.mel), _mask(mask, length, dtype=dtype)])
        of_length += [[_sound(name, "mel", c.mel, length)], [_sound(name, "mel", length, c.mel)]]
        for bins in OTHER_BINS:
            if bins != c.mel:
                of_length += [[_sound(name, "mel", length, bins)], [_sound(name, "mel", bins, length)]]
        of_length += [[_sound(name, "mel", 1, length, c.mel)], [_sound(name, "mel", 1, c.mel, length)]]
        found += [[*layout, *_told(c, length)] for layout in of_length]
    return [[spec for spec in layout if c.takes(spec.name)] for layout in found]


def _told(c: Context, frames: int) -> Layout:
    """What says how long a sound of so many frames is: in features, in frames."""
    reduction = c.value([c.audio, c.config], "time_reduction", default=8)
    return [
        InputSpec("audio_embed_sizes", "geometry", "int64", (), values=-(-frames // reduction)),
        InputSpec("audio_attention_mask", "sound_mask", "bool", (frames,), values=True),
    ]


def _waveforms(c: Context, name: str, mask: str | None) -> list[Layout]:
    found: list[Layout] = []
    channels = c.value([c.config], "audio_channels", default=1)
    longest = getattr(c.config, "max_length", None)
    if integer(longest) and hasattr(c.config, "num_mel_bins"):
        found.append([_sound(name, "mel", longest, c.mel)])
    for length in _lengths(c):
        for shape in ((length,), (channels, length)):
            found.append([_sound(name, "waveform", *shape)])
            if mask:
                found.append([_sound(name, "waveform", *shape), _mask(mask, length)])
        if mask:
            found.append([_sound(name, "waveform", channels, length), _mask(mask, 1, length)])
    found += [[_sound(name, "mel", 100, c.mel)], [_sound(name, "mel", 1024, c.mel)]]
    return found


def _lengths(c: Context) -> list[int]:
    """Samples: a dozen frames behind a feature extractor whose strides are known; the same of a codec, which makes a choice of each."""
    strides = c.value([c.audio, c.config], "conv_stride")
    if isinstance(strides, (list, tuple)):
        return [math.prod(strides) * 13, *SAMPLES]
    hop = _hop(c)
    return [hop * max(FRAMES_OF_CODEC, HALF_A_SECOND // hop), *SAMPLES] if hop else list(SAMPLES)


def _hop(c: Context) -> int | None:
    """Samples of one frame of a codec."""
    for node in (c.audio, *c.nodes):
        hop, rate, frames = (c.value([node], name) for name in ("hop_length", "sampling_rate", "frame_rate"))
        if integer(hop) and hop > 0:
            return hop
        if rate and frames:
            return round(rate / frames)
    return None
