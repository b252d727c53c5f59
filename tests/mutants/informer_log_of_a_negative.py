"""The location goes into a logarithm without its absolute value."""

import inspect

from transformers.models.informer.modeling_informer import InformerModel

source = inspect.getsource(InformerModel.create_network_inputs)
changed = source.replace("squeezed_loc.abs().log1p()", "squeezed_loc.log()")
assert changed != source
patched = {}
code = compile("class InformerModel:\n" + changed, inspect.getsourcefile(InformerModel), "exec")
exec(code, vars(inspect.getmodule(InformerModel)), patched)
InformerModel.create_network_inputs = patched["InformerModel"].create_network_inputs
