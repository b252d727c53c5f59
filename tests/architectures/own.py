"""An architecture that is in no library: a gated recurrent model over tokens, with a width, heads and a kind for each layer."""

import torch
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


class OwnConfig(PreTrainedConfig):
    model_type = "own_gated"

    def __init__(
        self,
        vocab_size=50_000,
        hidden_size=2048,
        num_hidden_layers=24,
        block_kinds=None,
        pad_token_id=49_999,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.block_kinds = block_kinds or ["gated", "plain", "plain"] * 8
        super().__init__(pad_token_id=pad_token_id, **kwargs)


class Gated(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.value = torch.nn.Linear(width, width)
        self.gate = torch.nn.Linear(width, width)

    def forward(self, hidden):
        return hidden + self.value(hidden) * torch.sigmoid(self.gate(hidden))


class Plain(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.value = torch.nn.Linear(width, width)

    def forward(self, hidden):
        return hidden + torch.tanh(self.value(hidden))


class OwnModel(PreTrainedModel):
    config_class = OwnConfig
    base_model_prefix = "own"

    def __init__(self, config):
        super().__init__(config)
        self.embedding = torch.nn.Embedding(config.vocab_size, config.hidden_size)
        kinds = {"gated": Gated, "plain": Plain}
        self.layers = torch.nn.ModuleList(kinds[kind](config.hidden_size) for kind in config.block_kinds)
        self.norm = torch.nn.LayerNorm(config.hidden_size)
        self.post_init()

    def get_input_embeddings(self):
        return self.embedding

    def _init_weights(self, module):
        if isinstance(module, (torch.nn.Linear, torch.nn.Embedding)):
            torch.nn.init.normal_(module.weight, std=0.02)
            if getattr(module, "bias", None) is not None:
                torch.nn.init.zeros_(module.bias)

    def forward(self, input_ids, attention_mask=None):
        hidden = self.embedding(input_ids)
        if attention_mask is not None:
            hidden = hidden * attention_mask.unsqueeze(-1)
        for layer in self.layers:
            hidden = layer(hidden)
        return BaseModelOutput(last_hidden_state=self.norm(hidden))


AutoConfig.register("own_gated", OwnConfig)
AutoModel.register(OwnConfig, OwnModel)
