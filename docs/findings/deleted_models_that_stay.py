"""A model that is deleted stays in memory, whole or in part: `functools.lru_cache` on a method keeps `self`, on a function its tensors.

Shown on the default configuration of xcodec. The decoders of sam3 and omdet-turbo were seen to stay on small configurations only.
"""

import gc
import warnings
import weakref

import torch
from transformers import XcodecConfig, XcodecModel

warnings.filterwarnings("ignore")

model = XcodecModel(XcodecConfig()).eval()
parameters = sum(parameter.numel() for parameter in model.parameters())
gone = weakref.ref(model)
with torch.no_grad():
    model(torch.randn(1, 1, 16_000))
del model
gc.collect()
print(
    f"xcodec, {parameters} parameters, after del and gc.collect(): {'gone' if gone() is None else 'still there'}"
)

model = XcodecModel(XcodecConfig()).eval()
gone = weakref.ref(model)
del model
gc.collect()
print(f"the same without a forward: {'gone' if gone() is None else 'still there'}")
