"""SwiftFormer's additive attention takes a softmax over an axis of one element, so that every token weighs the same and `w_g` has no effect.

transformers 5.23.0, swiftformer: `query @ self.w_g` has the shape (rows, tokens, 1), and `softmax(dim=-1)` of it is one everywhere. The
original divides it by its norm over the tokens (`torch.nn.functional.normalize(A, dim=1)`).

Run: python softmax_over_one.py
"""

import torch
from transformers import SwiftFormerConfig, SwiftFormerModel

torch.manual_seed(0)
model = SwiftFormerModel(SwiftFormerConfig()).eval()
pixels = torch.randn(1, 3, 224, 224)
with torch.no_grad():
    before = model(pixels).last_hidden_state
    for name, parameter in model.named_parameters():
        if name.endswith("w_g"):
            parameter.normal_(std=10.0)
    after = model(pixels).last_hidden_state
print(
    f"every w_g drawn anew: the output differs by {float((after - before).abs().max())}"
)
