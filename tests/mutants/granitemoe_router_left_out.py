"""A pattern of keys that need no saving takes the routers' weights along."""

from transformers.models.granitemoe.modeling_granitemoe import GraniteMoePreTrainedModel

GraniteMoePreTrainedModel._keys_to_ignore_on_save = ["layers.0.block_sparse_moe.router.weight", "layers.1.block_sparse_moe.router.weight"]
