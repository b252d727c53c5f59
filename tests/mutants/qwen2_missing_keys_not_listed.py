"""A pattern of keys that may be missing fits all of them."""

from transformers import Qwen2PreTrainedModel

Qwen2PreTrainedModel._keys_to_ignore_on_load_missing = [r".*"]
