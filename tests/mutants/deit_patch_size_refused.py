"""The patch size is checked the wrong way round, so that the default is refused."""

import functools

from transformers.models.deit.configuration_deit import DeiTConfig

original = DeiTConfig.__post_init__


@functools.wraps(original)
def __post_init__(self, **kwargs):
    if self.patch_size % self.image_size:
        raise ValueError(f"the patch size {self.patch_size} is no multiple of the image size {self.image_size}")
    original(self, **kwargs)


DeiTConfig.__post_init__ = __post_init__
