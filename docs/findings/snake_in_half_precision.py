"""Snake activations of codecs guard their reciprocal by 1e-9, which float16 does not have: NaN where `alpha` is near zero.

The reciprocal of what is below 1.5e-5 is beyond float16 (65,504), and infinity times the square of a sine that is zero is no number. In
float32 the same gives what goes in.
"""

import torch
from transformers import DacConfig, DacModel

torch.manual_seed(0)
model = DacModel(DacConfig(encoder_hidden_size=8, decoder_hidden_size=32, hidden_size=128, codebook_size=64)).eval()
snake = model.decoder.block[0].res_unit1.snake1
with torch.no_grad():
    snake.alpha[0, 0] = 1e-5
sound = torch.randn(1, 1, 2048)
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    with torch.no_grad():
        heard = model.to(dtype)(sound.to(dtype)).audio_values
    print(f"{dtype}: {int(heard.isnan().sum())} of {heard.numel()} samples are NaN")
