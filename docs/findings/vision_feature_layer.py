"""Llava takes the features of the vision tower's last layer but one (`vision_feature_layer=-2`); the last one runs for nothing.

Not a wrong result: time and memory. `sensitivity.weights` meets it as modules that no output depends on, and leaves them out by
the configuration's own field. Prints the gradient of a parameter of each layer: the last one's is missing.
"""

import torch
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaModel

vision = CLIPVisionConfig(
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=3,
    num_attention_heads=2,
    image_size=28,
    patch_size=14,
)
text = LlamaConfig(
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=2,
    vocab_size=128,
)
model = LlavaModel(
    LlavaConfig(vision_config=vision, text_config=text, image_token_id=100)
).eval()
tokens = torch.tensor([[1, 100, 100, 100, 100, 5]])
model(input_ids=tokens, pixel_values=torch.randn(1, 3, 28, 28)).last_hidden_state.pow(
    2
).sum().backward()
for number, layer in enumerate(model.vision_tower.encoder.layers):
    gradient = layer.mlp.fc1.weight.grad
    print(
        number,
        "no gradient"
        if gradient is None
        else f"gradient of norm {float(gradient.norm()):.1e}",
    )
