"""Models that a session drives: their forward takes an object that keeps a video and what was found on earlier frames, not tensors. Each
call makes one afresh from the tensors that are fed, as the model's processor does, and goes through its frames: what a call leaves in it
no other call sees."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import torch

VIDEO = "pixel_values_videos"
TEXT = ("input_ids", "attention_mask")
POINTS = ("input_points", "input_labels")
MASKS = "input_masks"
PROMPTED = 0
"""The frame that points and masks are on."""


def session_class(model: torch.nn.Module) -> type | None:
    """The class of the session that `forward` requires; none if it takes tensors."""
    row = inspect.signature(model.forward).parameters.get("inference_session")
    if row is None or row.default is not row.empty:
        return None
    # A name where the module's annotations are not evaluated.
    return getattr(sys.modules[type(model).__module__], row.annotation) if isinstance(row.annotation, str) else row.annotation


def call(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> Any:
    """What a model answers; driven by a session, one answer for each frame."""
    kind = session_class(model)
    if kind is None:
        return model(**inputs)
    session = _session(kind, inputs)
    # Without a frame it is for the model to refuse the call.
    return [model(session, frame_idx=frame) for frame in range(session.num_frames or 1)]


def _session(kind: type, inputs: dict[str, torch.Tensor]) -> Any:
    video = inputs.get(VIDEO)
    session = kind() if video is None else kind(video=video, dtype=video.dtype)
    if all(name in inputs for name in TEXT):
        prompt = session.add_prompt("")
        session.prompt_input_ids[prompt], session.prompt_attention_masks[prompt] = (inputs[name] for name in TEXT)
    if all(name in inputs for name in POINTS):
        coordinates, labels = (inputs[name] for name in POINTS)
        session.add_point_inputs(_new_object(session), PROMPTED, {"point_coords": coordinates, "point_labels": labels})
    if MASKS in inputs:
        session.add_mask_inputs(_new_object(session), PROMPTED, inputs[MASKS])
    return session


def _new_object(session: Any) -> int:
    """The index of an object that the session did not know: each prompt is for its own."""
    name = session.get_obj_num()
    session.obj_with_new_inputs.append(name)
    return session.obj_id_to_idx(name)
