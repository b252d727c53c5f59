"""Two models that read tokens which their attention mask leaves out.

yoso: the mask does nothing in attention. The layer expects 0 and -10000 (`1.0 + attention_mask / 10000.0`, then `int()`), but is given 1
and 0: both become 1.

recurrent_gemma: a position 0 resets the recurrence, so padding before the first token is forgotten; but the short convolution before it
runs over all tokens, while that of the original masks what lies before a position 0 (`recurrentgemma/torch/layers.py`, `Conv1D`).

Prints by how much the states of the tokens change if the padding under the mask is another one. Rounding is about 1e-6.
"""

import torch
from transformers import (
    RecurrentGemmaConfig,
    RecurrentGemmaModel,
    YosoConfig,
    YosoModel,
)


def yoso() -> float:
    config = YosoConfig(
        vocab_size=64,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_window=None,
    )
    model = YosoModel(config).eval()
    mask = torch.tensor([[1] * 8 + [0] * 4])
    padded = [
        torch.cat([torch.arange(10, 18)[None], torch.full((1, 4), padding)], dim=1)
        for padding in (5, 7)
    ]
    one, other = (
        model(tokens, attention_mask=mask).last_hidden_state[:, :8] for tokens in padded
    )
    return float((one - other).abs().max())


def recurrent_gemma() -> float:
    sizes = {
        "hidden_size": 32,
        "lru_width": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
    }
    model = RecurrentGemmaModel(
        RecurrentGemmaConfig(
            vocab_size=64, num_hidden_layers=3, attention_window_size=32, **sizes
        )
    ).eval()
    mask = torch.tensor([[0] * 4 + [1] * 8])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    padded = [
        torch.cat([torch.full((1, 4), padding), torch.arange(10, 18)[None]], dim=1)
        for padding in (5, 7)
    ]
    one, other = (
        model(
            tokens, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state[:, 4:]
        for tokens in padded
    )
    return float((one - other).abs().max())


torch.manual_seed(0)
with torch.no_grad():
    print(f"yoso {yoso():.1e}")
    print(f"recurrent_gemma {recurrent_gemma():.1e}")
