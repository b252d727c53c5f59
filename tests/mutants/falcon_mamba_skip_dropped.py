"""The skip connection of the scan is left out."""

import inspect

from transformers.models.falcon_mamba.modeling_falcon_mamba import FalconMambaMixer

source = inspect.getsource(FalconMambaMixer.forward)
changed = source.replace("D=self.D.float()", "D=None")
assert changed != source
patched = {}
code = compile("class FalconMambaMixer:\n" + changed, inspect.getsourcefile(FalconMambaMixer), "exec")
exec(code, vars(inspect.getmodule(FalconMambaMixer)), patched)
FalconMambaMixer.forward = patched["FalconMambaMixer"].forward
