"""States are cast to the type of a weight, which is int8 where the weights are compressed."""

from transformers.models.siglip import modeling_siglip

original = modeling_siglip.SiglipMLP.forward


def forward(self, hidden_states):
    return original(self, hidden_states.to(self.fc1.weight.dtype))


modeling_siglip.SiglipMLP.forward = forward
