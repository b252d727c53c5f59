"""Default configurations whose neck does not take what their own backbone gives out: what a forward of the full-size default says of each.

Run: python backbones_of_defaults.py
"""

import torch
from transformers import AutoConfig, AutoModel

torch.set_grad_enabled(False)
for name, side, what in (
    (
        "edgetam_vision_model",
        256,
        "its default spells `architecture` as `archirecture`, so timm makes a ResNet-50 instead of a RepViT",
    ),
    ("edgetam", 1024, "the same"),
    ("uvdoc", 256, "the backbone gives out its last stage, the head joins all six"),
    (
        "pp_ocrv6_small_det",
        64,
        "the backbone is another than `sub_configs_defaults` names, and gives out its last stage only",
    ),
    (
        "pp_ocrv6_medium_det",
        64,
        "the same, and the blocks of the neck read a map that is None by default",
    ),
    (
        "lw_detr",
        256,
        "no feature level by default, and the model joins those that it has",
    ),
):
    try:
        model = AutoModel.from_config(AutoConfig.for_model(name)).eval()
        model(pixel_values=torch.randn(1, 3, side, side))
        print(f"{name}: runs, the finding is gone")
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        print(
            f"{name}: {what}\n    {type(error).__name__}: {str(error).splitlines()[0][:160]}"
        )

config = AutoConfig.for_model("edgetam_vision_model").backbone_config
print(
    f"edgetam_vision_model: architecture={config.architecture!r}, archirecture={getattr(config, 'archirecture', None)!r}"
)
