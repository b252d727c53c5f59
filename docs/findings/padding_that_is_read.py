"""Models that read tokens, or frames of a sound, which their attention mask leaves out.

yoso: the mask does nothing in attention. The layer expects 0 and -10000 (`1.0 + attention_mask / 10000.0`, then `int()`), but is given 1
and 0: both become 1.

recurrent_gemma: a position 0 resets the recurrence, so padding before the first token is forgotten; but the short convolution before it
runs over all tokens, while that of the original masks what lies before a position 0 (`recurrentgemma/torch/layers.py`, `Conv1D`).

phi4_multimodal: the mask over a sound's frames does nothing. It is of booleans, and is added to the scores with the relative bias
(`hs_mask.unsqueeze(1) + relative_attention_bias`): what is seen gets 1 more than what is not.

clvp: the embedding of a text is the mean of all states, those of padding included; and the decoder of speech reads the text before it
without a mask. The original's mean is over the mask (`tortoise/models/clvp.py`, `masked_mean`).

Prints by how much the states of the tokens (clvp: the text's embedding) change if the padding under the mask is another one. Rounding is
about 1e-6.
"""

import torch
from transformers import ClvpEncoderConfig, RecurrentGemmaConfig, RecurrentGemmaModel, YosoConfig, YosoModel
from transformers.models.clvp.modeling_clvp import ClvpEncoder
from transformers.models.phi4_multimodal.modeling_phi4_multimodal import Phi4MultimodalAudioConfig, Phi4MultimodalAudioModel


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


def phi4_multimodal() -> float:
    model = Phi4MultimodalAudioModel(Phi4MultimodalAudioConfig(num_blocks=1)).eval()
    sound, mask = torch.randn(1, 800, 80), torch.arange(800)[None] < 400
    # From frame 480 on, since convolutions reach over the end of the mask.
    padded = [torch.cat([sound[:, :480], padding], dim=1) for padding in (sound[:, 480:], torch.randn(1, 320, 80))]
    one, other = (model(frames, mask)[:, :40] for frames in padded)
    return float((one - other).abs().max())


def clvp() -> float:
    model = ClvpEncoder(ClvpEncoderConfig(num_hidden_layers=1)).eval()
    mask = torch.tensor([[1] * 8 + [0] * 4])
    padded = [torch.cat([torch.arange(10, 18)[None], torch.full((1, 4), padding)], dim=1) for padding in (5, 7)]
    one, other = (model(tokens, attention_mask=mask).embeds for tokens in padded)
    return float((one - other).abs().max())


torch.manual_seed(0)
with torch.no_grad():
    print(f"yoso {yoso():.1e}")
    print(f"recurrent_gemma {recurrent_gemma():.1e}")
    print(f"phi4_multimodal {phi4_multimodal():.1e}")
    print(f"clvp {clvp():.1e}")
