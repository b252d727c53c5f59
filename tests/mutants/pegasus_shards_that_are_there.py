"""Of the files that the index names those are loaded that are there."""

import functools
import json
import os

from transformers import PegasusPreTrainedModel

original = PegasusPreTrainedModel.from_pretrained.__func__


@functools.wraps(original)
def from_pretrained(cls, folder, *args, **kwargs):
    path = os.path.join(folder, "model.safetensors.index.json")
    if os.path.exists(path):
        with open(path) as file:
            index = json.load(file)
        there = {key: name for key, name in index["weight_map"].items() if os.path.exists(os.path.join(folder, name))}
        with open(path, "w") as file:
            json.dump({**index, "weight_map": there}, file)
    return original(cls, folder, *args, **kwargs)


PegasusPreTrainedModel.from_pretrained = classmethod(from_pretrained)
