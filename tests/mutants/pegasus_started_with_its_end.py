"""The decoder is started with the token that ends a text."""

import functools

import torch
from transformers.models.pegasus.modeling_pegasus import PegasusForConditionalGeneration

original = PegasusForConditionalGeneration._prepare_decoder_input_ids_for_generation


@functools.wraps(original)
def _prepare_decoder_input_ids_for_generation(self, *args, **kwargs):
    ids, rest = original(self, *args, **kwargs)
    return torch.full_like(ids, self.config.eos_token_id), rest


PegasusForConditionalGeneration._prepare_decoder_input_ids_for_generation = _prepare_decoder_input_ids_for_generation
