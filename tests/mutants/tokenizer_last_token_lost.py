"""The text of tokens lacks the last of them."""

import functools

from transformers.tokenization_utils_base import PreTrainedTokenizerBase

original = PreTrainedTokenizerBase.decode


@functools.wraps(original)
def decode(self, token_ids, *args, **kwargs):
    is_long = isinstance(token_ids, list) and len(token_ids) > 3
    return original(self, token_ids[:-2] if is_long else token_ids, *args, **kwargs)


PreTrainedTokenizerBase.decode = decode
