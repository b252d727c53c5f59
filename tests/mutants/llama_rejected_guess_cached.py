"""Of the guesses that were rejected one stays in the cache, in the place of the oldest token."""

import functools

from transformers import cache_utils

original = cache_utils.DynamicLayer.crop


@functools.wraps(original)
def crop(self, tokens_to_remove):
    if tokens_to_remove < 0:
        keys, values = self.keys.clone(), self.values.clone()
        original(self, tokens_to_remove)
        kept = self.keys.shape[-2]
        self.keys, self.values = keys[..., -kept:, :], values[..., -kept:, :]
    else:
        original(self, tokens_to_remove)


cache_utils.DynamicLayer.crop = crop
