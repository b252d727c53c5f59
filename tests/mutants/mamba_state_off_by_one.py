"""The convolution's state is one step older than it should be when a single token comes."""

import functools

from transformers.models.mamba import modeling_mamba

original = modeling_mamba.causal_conv1d_update


@functools.wraps(original)
def causal_conv1d_update(hidden_states, conv_state, *args, **kwargs):
    conv_state.copy_(conv_state.roll(1, dims=-1))
    return original(hidden_states, conv_state, *args, **kwargs)


modeling_mamba.causal_conv1d_update = causal_conv1d_update
