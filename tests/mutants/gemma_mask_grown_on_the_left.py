"""While tokens are generated the mask grows at its beginning instead of its end."""

import functools

from transformers.models.gemma.modeling_gemma import GemmaForCausalLM

original = GemmaForCausalLM._update_model_kwargs_for_generation


@functools.wraps(original)
def _update_model_kwargs_for_generation(self, *args, **kwargs):
    updated = original(self, *args, **kwargs)
    if updated.get("attention_mask") is not None:
        updated["attention_mask"] = updated["attention_mask"].roll(1, dims=-1)
    return updated


GemmaForCausalLM._update_model_kwargs_for_generation = _update_model_kwargs_for_generation
