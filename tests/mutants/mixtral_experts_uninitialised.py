"""The library's initialisation passes over the stacked experts, and leaves their memory unset."""

import functools

from transformers.models.mixtral.modeling_mixtral import (
    MixtralExperts,
    MixtralPreTrainedModel,
)

original = MixtralPreTrainedModel._init_weights


@functools.wraps(original)
def _init_weights(self, module):
    if not isinstance(module, MixtralExperts):
        original(self, module)


MixtralPreTrainedModel._init_weights = _init_weights
