"""The placeholders of the image are replaced by padding in the caller's own ids."""

import functools

from transformers.models.vipllava.modeling_vipllava import VipLlavaModel

original = VipLlavaModel.get_placeholder_mask


@functools.wraps(original)
def get_placeholder_mask(self, input_ids, *args, **kwargs):
    mask = original(self, input_ids, *args, **kwargs)
    input_ids[input_ids == self.config.image_token_id] = 0
    return mask


VipLlavaModel.get_placeholder_mask = get_placeholder_mask
