"""A prompt with an image and a video can't be fed to GLM-4V: its processor lays out both with the token of images, and the model looks for
the features of each at every such token. With as many of the one as of the other the video's features even take the place of the image's.

Run: python image_and_video_at_one_token.py
"""

import torch
from transformers import Glm4vConfig, Glm4vModel

torch.manual_seed(0)
text = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
}
text |= {"intermediate_size": 64, "vocab_size": 64}
text["rope_parameters"] = {
    "rope_type": "default",
    "rope_theta": 10000.0,
    "partial_rotary_factor": 0.5,
    "mrope_section": [2, 1, 1],
}
vision = {
    "hidden_size": 64,
    "depth": 2,
    "num_heads": 4,
    "intermediate_size": 64,
    "out_hidden_size": 64,
}
config = Glm4vConfig(
    text_config=text, vision_config=vision, image_token_id=60, video_token_id=61
)
model = Glm4vModel(config).eval()
patch = (
    3 * config.vision_config.temporal_patch_size * config.vision_config.patch_size**2
)
grid = torch.tensor([[1, 4, 4]])  # 16 patches, 4 features after the merge
image, video = torch.randn(16, patch), torch.randn(16, patch)


def forward(tokens, kinds, image):
    with torch.no_grad():
        return model(
            input_ids=torch.tensor([tokens]),
            mm_token_type_ids=torch.tensor([kinds]),
            pixel_values=image,
            image_grid_thw=grid,
            pixel_values_videos=video,
            video_grid_thw=grid,
        ).last_hidden_state


# As the processor lays it out: 4 tokens of the image, a word, 4 tokens of the video, all the image's token.
try:
    forward(
        [5, 60, 60, 60, 60, 6, 60, 60, 60, 60, 7],
        [0, 1, 1, 1, 1, 0, 2, 2, 2, 2, 0],
        image,
    )
    print("an image and a video: fed, the finding is gone")
except (ValueError, RuntimeError) as error:
    print(f"an image and a video: {type(error).__name__}: {str(error)[:140]}")

# With the token that the configuration names for videos: only the image's four are found, for both.
tokens, kinds = (
    [5, 60, 60, 60, 60, 6, 61, 61, 61, 61, 7],
    [0, 1, 1, 1, 1, 0, 2, 2, 2, 2, 0],
)
same = torch.equal(
    forward(tokens, kinds, image), forward(tokens, kinds, torch.randn(16, patch))
)
print(
    f"with video_token_id: another image gives {'the same answer' if same else 'another answer, the finding is gone'}"
)
