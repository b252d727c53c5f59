"""SAM 3's tracker adds its "no memory" embedding to a feature map that it then drops, so that the embedding has no effect.

transformers 5.23.0, sam3_tracker: the vision encoder of the default configuration gives out four feature maps (`scale_factors` has four
entries), the tracker reads three (`backbone_feature_sizes` has three). `get_image_features` keeps all four, `no_memory_embedding` is added to
`feature_maps[-1]`, the fourth, and `zip(feature_maps, self.backbone_feature_sizes)` leaves that one out. The video model of the same weights
(`sam3_tracker_video`) cuts the fourth map off first (`feature_maps[:-1]`), so that there the embedding reaches the third, as in SAM 2.

The default configuration with one layer of the vision tower instead of thirty-two: number and sizes of the feature maps are the default's.

Run: python embedding_of_a_level_that_is_dropped.py
"""

from __future__ import annotations

import torch
from transformers import Sam2Config, Sam2Model, Sam3TrackerConfig, Sam3TrackerModel


def effect(model: torch.nn.Module, side: int) -> float:
    """By how much the last image embedding moves where the embedding goes from zeros to ones."""
    pixels = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model.no_memory_embedding.zero_()
        zeros = model.get_image_embeddings(pixels)[-1]
        model.no_memory_embedding.fill_(1.0)
        ones = model.get_image_embeddings(pixels)[-1]
    return float((ones - zeros).abs().max())


def main() -> None:
    """Prints both effects; the tracker's is zero."""
    config = Sam3TrackerConfig()
    config.vision_config.backbone_config.num_hidden_layers = 1
    print(
        "feature maps made:",
        len(config.vision_config.scale_factors),
        "read:",
        len(config.vision_config.backbone_feature_sizes),
    )
    print(
        "sam3_tracker: the last image embedding moves by",
        effect(Sam3TrackerModel(config).eval(), 1008),
    )
    print(
        "sam2:         the last image embedding moves by",
        effect(Sam2Model(Sam2Config()).eval(), 1024),
    )


if __name__ == "__main__":
    main()
