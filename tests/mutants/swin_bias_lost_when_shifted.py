"""Where windows are shifted, their mask takes the place of the relative position bias instead of being added to it."""

import inspect

from transformers.models.swin.modeling_swin import SwinAttention

source = inspect.getsource(SwinAttention.forward)
changed = source.replace("combined_mask = relative_position_bias + attention_mask", "combined_mask = attention_mask")
assert changed != source
patched = {}
code = compile("class SwinAttention:\n" + changed, inspect.getsourcefile(SwinAttention), "exec")
exec(code, vars(inspect.getmodule(SwinAttention)), patched)
SwinAttention.forward = patched["SwinAttention"].forward
