"""The patches of an image are laid out column by column instead of row by row."""

from transformers.models.vit_msn.modeling_vit_msn import ViTMSNPatchEmbeddings

original = ViTMSNPatchEmbeddings.forward


def forward(self, pixel_values, *args, **kwargs):
    patches = original(self, pixel_values, *args, **kwargs)
    rows, columns = (size // patch for size, patch in zip(pixel_values.shape[-2:], self.patch_size, strict=True))
    return patches.unflatten(1, (rows, columns)).transpose(1, 2).flatten(1, 2)


ViTMSNPatchEmbeddings.forward = forward
