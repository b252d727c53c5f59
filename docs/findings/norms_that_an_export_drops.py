"""The exporters put another attention in the place of that of vision towers whose images are laid end to end, and it has no norms of
queries and keys: GLM-OCR's tower and that of dots3_note have both, and answer otherwise once they are exported.

The sizes are small, the weights as the library initialises them but for the norms, which are ones by default.
"""

import copy

import torch
from transformers.exporters import DynamoConfig, DynamoExporter
from transformers.exporters.utils import precompute_export_inputs
from transformers.models.glm_ocr.modeling_glm_ocr import GlmOcrVisionConfig, GlmOcrVisionModel

torch.manual_seed(0)
config = GlmOcrVisionConfig(depth=2, hidden_size=64, num_heads=4, intermediate_size=128, out_hidden_size=128, patch_size=14)
model = GlmOcrVisionModel(config).eval()
inputs = {"hidden_states": torch.randn(32, 3 * 2 * 14 * 14), "grid_thw": torch.tensor([[1, 4, 4], [1, 4, 4]])}
with torch.no_grad():
    expected = model(**inputs).last_hidden_state
    precompute_export_inputs(model, inputs)
    for norms in ("as they are", "taken away"):
        other = copy.deepcopy(model)
        if norms == "taken away":
            for block in other.blocks:
                block.attn.q_norm = block.attn.k_norm = torch.nn.Identity()
        in_torch = other(**inputs).last_hidden_state
        exported = DynamoExporter().export(other, inputs, DynamoConfig()).program.module()(**inputs).last_hidden_state
        difference, to_model = (exported - in_torch).abs().max(), (exported - expected).abs().max()
        print(f"norms {norms}: exported differs by {difference:.2g} from the same in torch, by {to_model:.2g} from the model")
