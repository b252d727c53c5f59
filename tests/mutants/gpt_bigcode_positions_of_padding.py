"""Generation hands on no position ids, so that padding before a prompt is counted."""

import functools

from transformers.models.gpt_bigcode.modeling_gpt_bigcode import GPTBigCodeForCausalLM

original = GPTBigCodeForCausalLM.prepare_inputs_for_generation


@functools.wraps(original)
def prepare_inputs_for_generation(self, *args, **kwargs):
    return {**original(self, *args, **kwargs), "position_ids": None}


GPTBigCodeForCausalLM.prepare_inputs_for_generation = prepare_inputs_for_generation
