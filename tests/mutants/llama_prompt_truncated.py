"""Of a prompt `generate` reads the end only, as if the table of positions were full."""

import functools

from transformers import LlamaForCausalLM

original = LlamaForCausalLM.prepare_inputs_for_generation
LONGEST = 12


@functools.wraps(original)
def prepare(self, input_ids, *args, **kwargs):
    inputs = original(self, input_ids, *args, **kwargs)
    for name in ("input_ids", "position_ids"):
        if inputs.get(name) is not None:
            inputs[name] = inputs[name][:, -LONGEST:].clone()
    if inputs.get("attention_mask") is not None:
        inputs["attention_mask"] = None
    return inputs


LlamaForCausalLM.prepare_inputs_for_generation = prepare
