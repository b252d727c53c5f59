"""The final norm is skipped."""

import inspect

from transformers.models.gpt_neox.modeling_gpt_neox import GPTNeoXModel

source = inspect.getsource(GPTNeoXModel.forward)
changed = source.replace("hidden_states = self.final_layer_norm(hidden_states)", "")
assert changed != source
patched = {}
code = compile("class GPTNeoXModel:\n" + changed, inspect.getsourcefile(GPTNeoXModel), "exec")
exec(code, vars(inspect.getmodule(GPTNeoXModel)), patched)
GPTNeoXModel.forward = patched["GPTNeoXModel"].forward
