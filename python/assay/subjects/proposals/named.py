"""Arguments that are known by their name alone: what else a `forward` may require."""

from __future__ import annotations

from collections.abc import Callable

from assay.subjects.proposals.context import DECODER_TOKENS, Context
from assay.subjects.proposals.text import decoder
from assay.subjects.shrinking.editing import integer
from assay.subjects.specs import InputSpec

FEW = 4
"""Objects, steps or frames of an argument that says nothing about their number."""


def named(c: Context, name: str, have: list[InputSpec]) -> InputSpec | None:
    """A spec for one argument, or none if its name says nothing."""
    own = next((spec for layout in c.own(name) for spec in layout if spec.name == name), None)
    rule = BY_NAME.get(name)
    if own is not None:
        return own
    if rule is None:
        return _switched(c, name)
    try:
        return rule(c, name, _length(c, have))
    except AttributeError:  # the configuration lacks the field that the size is taken from
        return None


def _switched(c: Context, name: str) -> InputSpec | None:
    """The other position of a switch that `forward` has."""
    default = c.arguments[name].default if c.takes(name) else None
    return InputSpec(name, "switch", "bool", (), values=not default) if isinstance(default, bool) else None


def _length(c: Context, have: list[InputSpec]) -> int:
    return next((spec.shape[0] for spec in have if spec.name == "input_ids" and spec.shape), c.length)


Rule = Callable[[Context, str, int], InputSpec | None]


def _features(*shape: object) -> Rule:
    """Numbers: a field's name, `tokens` for the length, `width` for the stream, or a size."""

    def rule(c: Context, name: str, length: int) -> InputSpec:
        return InputSpec(name, "features", "float32", tuple(_size(c, part, length) for part in shape))

    return rule


def _ones(*shape: object, dtype: str = "int64") -> Rule:
    def rule(c: Context, name: str, length: int) -> InputSpec:
        return InputSpec(name, "mask", dtype, tuple(_size(c, part, length) for part in shape), values=1)

    return rule


def _zeros(*shape: object, dtype: str = "int64") -> Rule:
    def rule(c: Context, name: str, length: int) -> InputSpec:
        return InputSpec(name, "geometry", dtype, tuple(_size(c, part, length) for part in shape), values=0)

    return rule


def _codes(high: int, *shape: object, low: int = 0) -> Rule:
    def rule(c: Context, name: str, length: int) -> InputSpec:
        return InputSpec(name, "codes", "int64", tuple(_size(c, part, length) for part in shape), low, high)

    return rule


def _fixed(values: object, *shape: int, dtype: str = "int64", packed: bool = False) -> Rule:
    return lambda c, name, length: InputSpec(name, "geometry", dtype, shape, values=values, packed=packed)


def _size(c: Context, part: object, length: int) -> int:
    if part == "tokens":
        return length
    if part == "width":
        return c.width
    if part == "height":
        return c.image[0]
    if part == "breadth":
        return c.image[1]
    if part == "channels":
        return c.channels
    if isinstance(part, str):
        names = part.split("|")
        default = int(names.pop()) if names[-1].isdigit() else None
        value = c.value([c.config, *c.nodes], *names, default=default)
        if not integer(value):
            raise AttributeError(part)
        return value
    if isinstance(part, int):
        return part
    raise AttributeError(str(part))


def _positions(c: Context, name: str, length: int) -> InputSpec:
    return InputSpec(name, "position_ids", "int64", (length,))


def _box(c: Context, name: str) -> InputSpec:
    """A prompt: two corners in pixels, or, where boxes have labels of their own, a centre and sides as shares of the image (SAM 3)."""
    side = 1.0 if c.takes("input_boxes_labels") else c.image[0]
    return InputSpec(name, "geometry", "float32", (1, 4), values=[[share * side for share in (0.3, 0.3, 0.6, 0.6)]])


def _masked(c: Context, name: str) -> InputSpec:
    """Patches that training masks: all of an image; of a video half, since its encoder sees only the others."""
    patches = (c.image[0] // c.patch) * (c.image[1] // c.patch)
    frames = c.value([c.config], "num_frames")
    if not integer(frames) or c.temporal == 1:
        return InputSpec(name, "mask", "bool", (patches,), values=True)
    patches *= frames // c.temporal
    return InputSpec(name, "mask", "bool", (patches,), values=[place % 2 == 0 for place in range(patches)])


def _decoder(c: Context, name: str, length: int) -> InputSpec | None:
    return next(iter(decoder(c)), None)


CODEBOOKS = "num_codebooks|num_quantizers|n_codebooks|4"
BY_NAME: dict[str, Rule] = {
    "decoder_input_ids": _decoder,
    "decoder_attention_mask": _ones(DECODER_TOKENS),
    "attention_mask": _ones("tokens"),
    "encoder_attention_mask": _ones("tokens"),
    "position_ids": _positions,
    "token_type_ids": _zeros("tokens"),
    "mm_token_type_ids": _zeros("tokens"),
    "inputs_embeds": _features("tokens", "width"),
    "hidden_states": _features("tokens", "width"),
    "encoder_hidden_states": _features(6, "encoder_hidden_size|cross_attention_hidden_size|hidden_size|d_model"),
    "visual_feats": _features(FEW, "visual_feat_dim"),
    "visual_pos": lambda c, name, length: InputSpec(name, "points", "float32", (FEW, c.config.visual_pos_dim), high=1),
    "visual_embeds": _features(FEW, "visual_embedding_dim"),
    "visual_attention_mask": _ones(FEW),
    "visual_token_type_ids": _ones(FEW),
    "cross_attention_states": _features(FEW, "width"),
    "query_embeds": _features("num_query_tokens|4", "hidden_size"),
    "input_points": lambda c, name, length: InputSpec(name, "points", "float32", (1, 2, 2), high=c.image[0]),
    "input_labels": lambda c, name, length: InputSpec(name, "labels", "int32", (1, 2), values=[[1, 0]]),
    "input_boxes": lambda c, name, length: _box(c, name),
    "input_masks": _features(1, 16, 16),
    "global_attention_mask": lambda c, name, length: InputSpec(name, "mask", "int64", (length,), values=[1] + [0] * (length - 1)),
    "bool_masked_pos": lambda c, name, length: _masked(c, name),
    "states": _features(FEW, "state_dim"),
    "actions": _features(FEW, "act_dim"),
    "rewards": _features(FEW, 1),
    "returns_to_go": _features(FEW, 1),
    "timesteps": lambda c, name, length: InputSpec(name, "position_ids", "int64", (FEW,)),
    "classes_input_ids": lambda c, name, length: InputSpec(name, "codes", "int64", (6,), *c.tokens, placed=((0, 0), (5, 2))),
    "classes_attention_mask": _ones(6),
    "classes_structure": _fixed([1], 1, packed=True),
    "tasks_input_ids": lambda c, name, length: InputSpec(name, "codes", "int64", (5,), *c.tokens),
    "tasks_attention_mask": _ones(5),
    "task_inputs": lambda c, name, length: InputSpec(name, "codes", "int64", (getattr(c.config, "task_seq_len", 8),), 0, 50),
    "pixel_mask": _ones("height", "breadth"),
    "pixel_values": _features("channels", "height", "breadth"),
    "conditioning_pixel_values": _features("channels", "height", "breadth"),
    "high_res_pixel_values": _features("channels", "height", "breadth"),
    "image": _features("channels", "height", "breadth"),
    "langs": _zeros("tokens"),
    "lang_ids": lambda c, name, length: InputSpec(name, "geometry", "int64", (), values=0),
    "audio_codes": _codes(50, CODEBOOKS, 8),
    "audio_input_ids": _codes(50, 8, CODEBOOKS),
    "input_features": lambda c, name, length: InputSpec(name, "mel", "float32", (c.mel, 64)),
    "input_values": lambda c, name, length: InputSpec(name, "waveform", "float32", (1600,)),
    "input_features_mask": _ones(64),
    "audio_mel_mask": _ones(64, dtype="bool"),
    "spectrogram": _features(20, "model_in_dim"),
    "t_cond": _features(1, "width"),
    "protein_input_ids": _codes(24, 8, low=5),
    "protein_attention_mask": _ones(8),
    "state": _features("max_state_dim|8"),
    "noise": _features("chunk_size", "max_action_dim"),
    "timestep": lambda c, name, length: InputSpec(name, "points", "float32", (), high=1),
    "padding_mask": _zeros("tokens", dtype="bool"),
    "speaker_embeddings": _features("speaker_embedding_dim"),
    "speaker_ids": lambda c, name, length: InputSpec(name, "geometry", "int64", (), values=0),
    "decoder_input_values": _features(8, "num_mel_bins"),
    "context_hidden_states": _features("tokens", "width"),
    "noise_embeds": _features(FEW, "width"),
    "latents": _features("latent_channels|latent_dim|hidden_size|16", 8),
    "qformer_input_ids": _codes(60, 6),
    "qformer_attention_mask": _ones(6),
    "vision_hidden_states": _features(FEW, "width"),
    "vision_attention_mask": _ones(FEW),
    "text_encoder_inputs_embeds": _features("tokens", "width"),
    "conditioning_encoder_inputs_embeds": _features("tokens", "width"),
    "image_hidden_states": _features(FEW, "width"),
    "width": _fixed([4], 1, packed=True),
    "height": _fixed([4], 1, packed=True),
    "freq": _zeros(1),
    "input_pronunciation_ids": _zeros("tokens"),
    "input_shape_ids": _zeros("tokens"),
    "action_embeds": _features(FEW, "width"),
    "video_grid_thw": _fixed([[1, 4, 4]], 1, 3, packed=True),
    "merge_sizes": lambda c, name, length: InputSpec(name, "geometry", "int64", (1,), values=[c.merge], packed=True),
    "video_merge_sizes": lambda c, name, length: InputSpec(name, "geometry", "int64", (1,), values=[c.merge], packed=True),
    "image_merge_sizes": lambda c, name, length: InputSpec(name, "geometry", "int64", (1,), values=[c.merge], packed=True),
}
