"""Three models whose rows of a batch depend on each other, in eval mode and without padding.

autoformer: each row is rolled by the delays of another. Attention lays rows and heads along one axis, row by row; the delays and weights
of the rows are brought to that axis by `repeat(num_heads, ...)`, which lays them head by head (`repeat_interleave` lays them by row).

hunyuan_vl: `image_index`, the last rotary axis of an image's tokens, counts the images of the batch, not those of the row (by its
docstring the first image of a sequence has 0): a prompt with one image has other positions in the second row than in the first.

fastspeech2_conformer: a row all of whose tokens have no duration gets one frame for each token, but only if no other row of the batch has
a frame (`if duration_labels.sum() == 0`).

Prints the greatest difference between the second row of a batch and the run of that row alone. Rounding is about 1e-6.
"""

import torch
from transformers import (
    AutoformerConfig,
    AutoformerModel,
    HunYuanVLConfig,
    HunYuanVLModel,
)
from transformers.models.fastspeech2_conformer.modeling_fastspeech2_conformer import length_regulator


def autoformer() -> float:
    config = AutoformerConfig(
        prediction_length=4,
        context_length=20,
        lags_sequence=[1, 2, 3],
        d_model=16,
        num_time_features=0,
    )
    model = AutoformerModel(config).eval()
    past, future = torch.randn(2, 23), torch.randn(2, 4)

    def run(rows: slice) -> torch.Tensor:
        series = {
            "past_values": past[rows],
            "future_values": future[rows],
            "past_observed_mask": torch.ones_like(past[rows]),
        }
        times = {
            "past_time_features": past[rows, :, None][..., :0],
            "future_time_features": future[rows, :, None][..., :0],
        }
        return model(**series, **times).encoder_last_hidden_state

    return float((run(slice(0, 2))[1] - run(slice(1, 2))[0]).abs().max())


def hunyuan_vl() -> float:
    image_token = 100
    rotary = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    text = {
        "vocab_size": 128,
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    text |= {
        "num_key_value_heads": 4,
        "head_dim": 16,
        "rope_parameters": rotary,
        "initializer_range": 0.2,
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
    }
    vision |= {"out_hidden_size": 64, "text_hidden_size": 64, "max_image_size": 64}
    model = HunYuanVLModel(
        HunYuanVLConfig(
            text_config=text, vision_config=vision, image_token_id=image_token
        )
    ).eval()
    # An image of 4 by 4 patches: 2 by 2 after merging, a separator for each line, its begin and its end.
    row = torch.tensor([[1, 2, *[image_token] * 8, 3, 4, 5]])
    tokens, patches = row.repeat(2, 1), torch.randn(32, 3 * 16 * 16)
    grid = torch.tensor([[1, 4, 4], [1, 4, 4]])

    def run(rows: slice) -> torch.Tensor:
        kinds = (tokens[rows] == image_token).int()
        pixels = patches.unflatten(0, (2, 16))[rows].flatten(0, 1)
        return model(
            input_ids=tokens[rows],
            pixel_values=pixels,
            image_grid_thw=grid[rows],
            mm_token_type_ids=kinds,
        ).last_hidden_state

    return float((run(slice(0, 2))[1] - run(slice(1, 2))[0]).abs().max())


def fastspeech2_conformer() -> float:
    states, durations = torch.randn(2, 3, 4), torch.tensor([[2, 1, 1], [0, 0, 0]])
    together, alone = length_regulator(states, durations.clone())[1], length_regulator(states[1:], durations[1:].clone())[0]
    return float((together[: len(alone)] - alone).abs().max())


torch.manual_seed(0)
with torch.no_grad():
    print(f"autoformer {autoformer():.1e}")
    print(f"hunyuan_vl {hunyuan_vl():.1e}")
    print(f"fastspeech2_conformer {fastspeech2_conformer():.1e}")
