"""With gradient checkpointing a layer is called without the mask."""

from transformers.models.electra.modeling_electra import ElectraLayer

original = ElectraLayer.__call__


def __call__(self, hidden_states, attention_mask=None, *args, **kwargs):
    if self.gradient_checkpointing and self.training:
        attention_mask = None
    return original(self, hidden_states, attention_mask, *args, **kwargs)


ElectraLayer.__call__ = __call__
