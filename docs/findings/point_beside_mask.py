"""EdgeTAM's video model can't follow an object that is pointed at beside one that a mask shows: the scores of the two have another rank
(`_use_mask_as_output` leaves out the `unsqueeze(-1)` that SAM 2 has there). The configuration is the default, at full size.

Run: python point_beside_mask.py
"""

import torch
from transformers import (
    EdgeTamVideoConfig,
    EdgeTamVideoModel,
    Sam2VideoConfig,
    Sam2VideoModel,
)
from transformers.models.edgetam_video.modeling_edgetam_video import (
    EdgeTamVideoInferenceSession,
)
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

torch.manual_seed(0)
video = torch.randn(1, 3, 1024, 1024)
for name, model, kind in (
    ("sam2_video", Sam2VideoModel(Sam2VideoConfig()), Sam2VideoInferenceSession),
    (
        "edgetam_video",
        EdgeTamVideoModel(EdgeTamVideoConfig()),
        EdgeTamVideoInferenceSession,
    ),
):
    session = kind(video=video, dtype=torch.float32)
    point = {
        "point_coords": torch.full((1, 1, 1, 2), 500.0),
        "point_labels": torch.ones(1, 1, 1, dtype=torch.int32),
    }
    session.add_point_inputs(session.obj_id_to_idx(1), 0, point)
    session.add_mask_inputs(session.obj_id_to_idx(2), 0, torch.ones(1, 1, 1024, 1024))
    session.obj_with_new_inputs = [1, 2]
    try:
        scores = model.eval()(session, frame_idx=0).object_score_logits
        print(f"{name}: a point and a mask: scores of shape {list(scores.shape)}")
    except RuntimeError as error:
        print(f"{name}: a point and a mask: RuntimeError: {error}")
