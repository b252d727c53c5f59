"""How many tokens a model's own features of an image, a video or a sound take the place of."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import Any

import torch

from assay.subjects.proposals import audio, image, repair
from assay.subjects.proposals.context import Context
from assay.subjects.proposals.named import named
from assay.subjects.specs import InputSpec, draw

IMAGE_TOKENS = (
    "image_token_id",
    "image_token_index",
    "image_patch_id",
    "img_token_id",
    "media_placeholder_token_id",
    "image_pad_token_id",
)
VIDEO_TOKENS = ("video_token_id", "video_token_index", "video_pad_token_id")
AUDIO_TOKENS = ("audio_token_id", "audio_token_index", "sound_token_id", "speech_token_id")
MEDIA: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # Where all pictures are frames, as in InstructBLIP for videos, the one token is the video's.
    "pixel_values": ("image", "get_image_features", (*IMAGE_TOKENS, *VIDEO_TOKENS)),
    "flattened_patches": ("image", "get_image_features", IMAGE_TOKENS),
    "image_pixel_values": ("image", "get_image_features", IMAGE_TOKENS),
    "pixel_values_videos": ("video", "get_video_features", VIDEO_TOKENS),
    "input_features": ("audio", "get_audio_features", AUDIO_TOKENS),
    "audio_input_features": ("audio", "get_audio_features", AUDIO_TOKENS),
    "audio_mel": ("audio", "get_audio_features", AUDIO_TOKENS),
    "input_values": ("audio", "get_audio_features", AUDIO_TOKENS),
    "audio_input_ids": ("audio", "get_audio_features", AUDIO_TOKENS),
}
"""For each argument that carries another modality: the modality, the method that makes features of it, the tokens that stand for them."""
MOST = 1500
"""Features at most: beyond it a layout was misunderstood."""
REPAIRS = 8


@dataclass(frozen=True)
class Placed:
    """A modality that takes the place of tokens."""

    modality: str
    token: int
    count: int
    layout: list[InputSpec]


def media(c: Context) -> list[str]:
    """Arguments of `forward` that carry another modality than text."""
    return [name for name in MEDIA if c.takes(name)]


def layouts(c: Context, name: str) -> list[list[InputSpec]]:
    """Ways to feed one of them."""
    return audio.layouts(c, name) if MEDIA[name][0] == "audio" else image.layouts(c, name)


def placed(c: Context) -> list[Placed]:
    """The modalities whose features the model puts in the place of tokens, with a layout that its own method takes."""
    found = []
    for name in media(c):
        modality, method, fields = MEDIA[name]
        token = c.token(fields)
        features = c.method(method)
        if features is None or token is None:
            continue
        accepted = inspect.signature(features).parameters
        queue, repaired = layouts(c, name), 0
        while queue:
            layout = _completed(c, queue.pop(0), accepted)
            arguments = {spec.name: draw(spec, 0, 1) for spec in layout if spec.name in accepted}
            try:
                with torch.no_grad():
                    count = _count(features(**arguments))
            except Exception as exception:
                # Behind the layouts that are known: a size that an error asks for may be asked for by a layout that is wrong.
                if repaired < REPAIRS:
                    more = repair.dimensions(layout, str(exception))
                    repaired += len(more)
                    queue += more
                continue
            if count == 1:
                count = queries(c)
            if 0 < count <= MOST:
                layout = [_of_features(spec, accepted, count) for spec in layout]
                found.append(Placed(modality, token, count, layout))
                break
    return found


def listed(c: Context, part: Placed) -> list[list[InputSpec]]:
    """Layouts of a list of one image, where that of the image is what the method takes: a model may take the lists apart before."""
    first = part.layout[0]
    return [layout for layout in layouts(c, first.name) if layout[0].shape == (1, *first.shape)]


def queries(c: Context) -> int:
    """How many vectors a model's own queries make of an image; one if it has none. No method of a base model says so."""
    tokens = getattr(c.model, "query_tokens", None)
    return tokens.shape[1] if isinstance(tokens, torch.Tensor) and tokens.ndim == 3 else 1


def beside(c: Context, parts: list[Placed]) -> list[list[Placed]]:
    """Those that are fed together, the most first; then the first and the last by themselves. Where a model looks for images and videos at
    the same token (GLM-4V's processor lays a video out as images), each would take the place of the other: then only by themselves."""
    tokens = {part.modality: part.token for part in parts}
    mask = c.method("get_placeholder_mask")
    if mask is None or not {"image", "video"} <= tokens.keys():
        return [parts] if len(parts) == 1 else [parts, parts[:1], parts[-1:]]
    row = torch.tensor([[tokens["image"], tokens["video"]]])
    try:
        of_images, of_videos = mask(row, torch.zeros(1, 2, c.width))
    except Exception:  # it wants features, or knows one modality only
        return [parts, parts[:1], parts[-1:]]
    if of_images.any() and torch.equal(of_images, of_videos):
        return [[replace(part, token=tokens["image"])] for part in parts if part.modality in ("image", "video")]
    return [parts, parts[:1], parts[-1:]]


def _of_features(spec: InputSpec, accepted: Any, count: int) -> InputSpec:
    """A mask that the method doesn't take says which features are meant, not which frames."""
    if spec.role == "sound_mask" and spec.name not in accepted:
        return replace(spec, dtype="bool", shape=(count,))
    return spec


def _completed(c: Context, layout: list[InputSpec], accepted: Any) -> list[InputSpec]:
    have = {spec.name for spec in layout}
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    lacking = [name for name, row in accepted.items() if row.default is row.empty and row.kind not in kinds and name not in have]
    more = [named(c, name, layout) for name in lacking]
    return layout + [spec for spec in more if spec is not None]


def _count(answer: Any) -> int:
    """Number of feature vectors in what the method gives back, in whichever form."""
    for name in ("pooler_output", "last_hidden_state"):
        inner = getattr(answer, name, None)
        if inner is not None:
            answer = inner
            break
    if isinstance(answer, (list, tuple)):
        return sum(map(_count, answer))
    if answer.ndim == 1:
        return 1
    return answer.numel() // answer.shape[-1]
