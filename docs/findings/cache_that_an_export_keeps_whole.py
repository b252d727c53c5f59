"""The exporters trace the cache of a layer with a sliding window as one that keeps every token: "the sliding mask still applies the
window". The decoder of DiffusionGemma reads that cache without such a mask: once exported it sees tokens of the prompt that the model
has thrown away.

The sizes are small, the weights random.
"""

import torch
from transformers import DiffusionGemmaConfig, DiffusionGemmaModel
from transformers.exporters import DynamoConfig, DynamoExporter

WINDOW = 8
LAYERS = ["sliding_attention", "full_attention"]
wide = {"hidden_size": 64, "intermediate_size": 64, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 32}
text = {**wide, "vocab_size": 99, "num_hidden_layers": 2, "layer_types": LAYERS, "sliding_window": WINDOW, "per_layer_config": {}}
text |= {"num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 64}
config = DiffusionGemmaConfig(text_config=text, vision_config={**wide, "num_hidden_layers": 1}, image_token_id=98, canvas_length=4)
torch.manual_seed(0)
model = DiffusionGemmaModel(config).eval()
with torch.no_grad():
    for weight in model.parameters():
        weight.normal_(std=0.2) if weight.ndim > 1 else None
    for length in (WINDOW - 2, WINDOW + 4):
        kinds = torch.zeros(1, length, dtype=torch.int64)
        inputs = {"input_ids": torch.randint(3, 90, (1, length)), "mm_token_type_ids": kinds, "decoder_input_ids": torch.randint(3, 90, (1, 4))}
        inputs["self_conditioning_logits"] = torch.randn(1, 4, 99)
        exported = DynamoExporter().export(model, dict(inputs), DynamoConfig()).program.module()
        difference = (exported(**inputs).last_hidden_state - model(**inputs).last_hidden_state).abs().max()
        print(f"a window of {WINDOW}, a prompt of {length} tokens: exported differs by {difference:.2g}")
