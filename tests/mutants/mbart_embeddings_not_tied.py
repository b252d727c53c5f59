"""The encoder, the decoder and the model each have an embedding of their own: the tie is forgotten."""

from transformers.models.mbart.modeling_mbart import MBartModel

MBartModel._tied_weights_keys = {}
