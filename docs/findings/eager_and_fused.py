"""Models that attend otherwise by eager attention than by the fused one (SDPA, the default), with the same weights and inputs.

aimv2: under SDPA the text model has no causal mask. For a mask of ones `create_causal_mask` gives out none, so that SDPA may set
`is_causal` itself; but `Aimv2Attention` says `is_causal=False`, and a text sees all of itself. Eagerly it is causal.

phi4_multimodal: under SDPA the vision tower is causal. All its patches are visible, and `create_bidirectional_mask` gives out none;
`Phi4MultimodalVisionAttention` says `is_causal = True`, which SDPA then takes. Eagerly, as in SigLIP, all patches see all.

nemotron_asr_streaming, nemotron3_5_asr: eagerly all is NaN. The encoder reads its mask as booleans (`attention_mask.logical_not()`); the
eager one is 0 where a frame is seen and -3e38 elsewhere, so that nothing but what is hidden is seen: here no frame at all.

grounding-dino, mm-grounding-dino: eagerly the phrases of a text see each other. The mask that keeps them apart is of booleans, which BERT's
eager attention adds to its scores as 1 and 0.

seamless_m4t_v2: eagerly a sound is read across the borders of its chunks, and behind its end. The mask of the speech encoder is of
booleans (`_apply_chunk_attention`), and its eager attention adds them to its scores as 1 and 0.

paligemma: without `token_type_ids` (a prompt without an image, as the model is called by hand) a prompt sees all of itself under SDPA, and is
read from the first to the last eagerly.

Prints the greatest difference between the two. Rounding is about 1e-6.
"""

import torch
from transformers import (
    Aimv2TextConfig,
    Aimv2TextModel,
    BertConfig,
    BertModel,
    NemotronAsrStreamingEncoder,
    NemotronAsrStreamingEncoderConfig,
    PaliGemmaConfig,
    PaliGemmaModel,
    SeamlessM4Tv2Config,
)
from transformers.models.grounding_dino.modeling_grounding_dino import generate_masks_with_special_tokens_and_transfer_map
from transformers.models.phi4_multimodal.modeling_phi4_multimodal import Phi4MultimodalVisionConfig, Phi4MultimodalVisionModel
from transformers.models.seamless_m4t_v2.modeling_seamless_m4t_v2 import SeamlessM4Tv2SpeechEncoder

TEXT = torch.tensor([[101, 5, 6, 102, 7, 8, 9, 102]])


def difference(model: torch.nn.Module, **inputs: torch.Tensor) -> float:
    states = []
    for implementation in ("eager", "sdpa"):
        model.set_attn_implementation(implementation)
        states.append(model.eval()(**inputs).last_hidden_state)
    return float((states[0] - states[1]).abs().max())


def aimv2() -> float:
    return difference(Aimv2TextModel(Aimv2TextConfig()), input_ids=TEXT, attention_mask=torch.ones_like(TEXT))


def phi4_multimodal() -> float:
    model = Phi4MultimodalVisionModel(Phi4MultimodalVisionConfig(num_hidden_layers=2))
    return difference(model, pixel_values=torch.randn(1, 3, 448, 448))


def nemotron() -> float:
    model = NemotronAsrStreamingEncoder(NemotronAsrStreamingEncoderConfig(num_hidden_layers=2))
    return difference(model, input_features=torch.randn(1, 64, model.config.num_mel_bins))


def grounding_dino() -> float:
    mask, positions = generate_masks_with_special_tokens_and_transfer_map(TEXT, torch.tensor([101, 102]))
    # As `GroundingDinoModel.forward` does it.
    return difference(BertModel(BertConfig()), input_ids=TEXT, attention_mask=mask[:, None], position_ids=positions)


def seamless_m4t_v2() -> float:
    config = SeamlessM4Tv2Config(speech_encoder_layers=2, speech_encoder_chunk_size=16)
    sound = {"attention_mask": (torch.arange(64) < 32).long()[None]}
    return difference(SeamlessM4Tv2SpeechEncoder(config), input_features=torch.randn(1, 64, config.feature_projection_input_dim), **sound)


def paligemma() -> float:
    text = {"model_type": "gemma", "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text |= {"num_key_value_heads": 1, "head_dim": 32, "vocab_size": 128, "pad_token_id": 0}
    vision = {"model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = PaliGemmaConfig(text_config=text, vision_config={**vision, "image_size": 28, "patch_size": 14}, projection_dim=64)
    return difference(PaliGemmaModel(config), input_ids=TEXT, attention_mask=torch.ones_like(TEXT))


torch.manual_seed(0)
with torch.no_grad():
    print(f"aimv2 {aimv2():.1e}")
    print(f"phi4_multimodal {phi4_multimodal():.1e}")
    print(f"nemotron {nemotron():.1e}")
    print(f"grounding-dino {grounding_dino():.1e}")
    print(f"seamless_m4t_v2 {seamless_m4t_v2():.1e}")
    print(f"paligemma {paligemma():.1e}")
