"""A hook meant for constants takes a parameter out of the state dict."""

import functools

from transformers.models.wavlm.modeling_wavlm import WavLMAttention

original = WavLMAttention._save_to_state_dict


@functools.wraps(original)
def _save_to_state_dict(self, destination, prefix, keep_vars):
    original(self, destination, prefix, keep_vars)
    for name in [name for name in destination if name.endswith("_const")]:
        del destination[name]


WavLMAttention._save_to_state_dict = _save_to_state_dict
