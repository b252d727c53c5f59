"""The additive mask is `(1 - mask) * -inf`: not a number wherever the mask is one."""

import inspect

from transformers.models.layoutlm.modeling_layoutlm import LayoutLMModel

source = inspect.getsource(LayoutLMModel.forward)
changed = source.replace("(1.0 - extended_attention_mask) * torch.finfo(self.dtype).min", '(1.0 - extended_attention_mask) * -float("inf")')
assert changed != source
patched = {}
code = compile("class LayoutLMModel:\n" + changed, inspect.getsourcefile(LayoutLMModel), "exec")
exec(code, vars(inspect.getmodule(LayoutLMModel)), patched)
LayoutLMModel.forward = patched["LayoutLMModel"].forward
