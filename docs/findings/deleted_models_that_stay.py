"""A model that is deleted stays in memory, whole or in part: `functools.lru_cache` on a method keeps `self`, on a function its tensors.

Shown on the default configurations: all of xcodec, the decoders of sam3 (and of what is built on it: sam3_lite_text, sam3_video) and of
omdet-turbo, and a buffer of efficientloftr, after the methods that keep them are called as a forward calls them.
"""

import gc
import warnings
import weakref

import torch
from transformers import EfficientLoFTRConfig, OmDetTurboConfig, XcodecConfig, XcodecModel
from transformers.models.efficientloftr.modeling_efficientloftr import EfficientLoFTRRotaryEmbedding
from transformers.models.omdet_turbo.modeling_omdet_turbo import OmDetTurboDecoder
from transformers.models.sam3.configuration_sam3 import Sam3DETRDecoderConfig
from transformers.models.sam3.modeling_sam3 import Sam3DetrDecoder

warnings.filterwarnings("ignore")

model = XcodecModel(XcodecConfig()).eval()
parameters = sum(parameter.numel() for parameter in model.parameters())
gone = weakref.ref(model)
with torch.no_grad():
    model(torch.randn(1, 1, 16_000))
del model
gc.collect()
print(f"xcodec, {parameters} parameters, after del and gc.collect(): {'gone' if gone() is None else 'still there'}")

model = XcodecModel(XcodecConfig()).eval()
gone = weakref.ref(model)
del model
gc.collect()
print(f"the same without a forward: {'gone' if gone() is None else 'still there'}")

decoder = Sam3DetrDecoder(Sam3DETRDecoderConfig())
decoder._get_coords(torch.tensor(8), torch.tensor(8), torch.float32, torch.device("cpu"))
gone = weakref.ref(decoder)
del decoder
gc.collect()
print(f"sam3's decoder: {'gone' if gone() is None else 'still there'}")

decoder = OmDetTurboDecoder(OmDetTurboConfig())
decoder.generate_anchors(((8, 8),))
gone = weakref.ref(decoder)
del decoder
gc.collect()
print(f"omdet-turbo's decoder: {'gone' if gone() is None else 'still there'}")

rotary = EfficientLoFTRRotaryEmbedding(EfficientLoFTRConfig())
rotary(torch.randn(1, 256, 8, 8))
gone = weakref.ref(rotary.inv_freq)
del rotary
gc.collect()
print(f"efficientloftr's inv_freq: {'gone' if gone() is None else 'still there'}")
