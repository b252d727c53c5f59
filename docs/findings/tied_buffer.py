"""PE-AV can't be loaded from what it was saved in: among the weights that it names as tied is a buffer, and `from_pretrained`, which takes
each for a parameter, raises. The exceptions to the pattern name `rope.pos_embed`, not `rope.bands`.

Shown on the default configuration, on `meta`: `mark_tied_weights_as_initialized` is the step of `from_pretrained` that raises.
"""

import torch
from transformers import AutoConfig, AutoModel

with torch.device("meta"):
    model = AutoModel.from_config(AutoConfig.for_model("pe_audio_video"))
parameters = dict(model.named_parameters(remove_duplicate=False))
print(
    "tied, and no parameter:",
    [name for name in model.all_tied_weights_keys if name not in parameters],
)
try:
    model.mark_tied_weights_as_initialized(None)
except AttributeError as error:
    print("AttributeError:", error)
