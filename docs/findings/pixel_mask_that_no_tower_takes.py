"""ModernVBERT and UltraVBERT make a mask of patches out of `pixel_attention_mask`, as Idefics 3 does, and hand it to a vision tower (SigLIP)
whose `forward` has no such argument: it goes into `**kwargs`, and patches that are padding are attended to like all others.

Prints by how much the features of an image change when three quarters of it are hidden, for these two and for Idefics 3. Rounding is about 1e-6.
"""

import torch
from transformers import (
    Idefics3Config,
    Idefics3Model,
    ModernVBertConfig,
    ModernVBertModel,
    UltraVBertConfig,
    UltraVBertModel,
)

side = 256
for kind, config in ((Idefics3Model, Idefics3Config()), (ModernVBertModel, ModernVBertConfig()), (UltraVBertModel, UltraVBertConfig())):
    for part in (config.text_config, config.vision_config):
        part.num_hidden_layers = 1
    config.vision_config.image_size, config.vision_config.patch_size = side, 16
    torch.manual_seed(0)
    model = kind(config).eval()
    pixels = torch.randn(1, 1, 3, side, side)
    mask = torch.ones(1, 1, side, side, dtype=torch.bool)
    hidden = mask.clone()
    hidden[..., side // 4 :] = False
    with torch.no_grad():
        whole, part = (torch.cat(list(model.get_image_features(pixels, its).pooler_output)) for its in (mask, hidden))
    print(f"{kind.__name__} {float((whole - part).abs().max()):.1e}")
