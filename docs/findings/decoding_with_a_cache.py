"""Text that is decoded token by token, with the cache, gets other scores than the same text at once.

- rwkv: with one token at a time, the state of the last token, (rows, width), is added to the new one, (rows, 1, width): every row reads
  the states of all rows (`extract_key_value`, `RwkvFeedForward`). One row alone is right.
- zamba2, nemotron_h (and what is built on it, nemotron3_5_transcribe): the scan over a prompt keeps the time step above `time_step_min`
  (0.001), the update by one token does not. A `time_step_limit` that the configuration of nemotron_h sets is read by nobody.
- blt: the model of the patches has no cache: a new byte sees no patch before its own (`past_key_values=None` in `BltModel.forward`).

Prints for each the relative difference of the scores of eight tokens that are generated, in float64. Rounding is about 1e-15.
"""

import torch
from transformers import (
    BltConfig,
    BltForCausalLM,
    NemotronHConfig,
    NemotronHForCausalLM,
    RwkvConfig,
    RwkvForCausalLM,
    Zamba2Config,
    Zamba2ForCausalLM,
)

LENGTH, MORE = 8, 8


def show(label, model, rows=1):
    torch.manual_seed(1)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
    model = model.double().eval()
    tokens = torch.randint(3, 90, (rows, LENGTH))
    settings = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0, "no_repeat_ngram_size": 1}
    written = model.generate(tokens, max_new_tokens=MORE, output_logits=True, return_dict_in_generate=True, **settings)
    with torch.no_grad():
        whole = model(written.sequences[:, :-1]).logits[:, LENGTH - 1 :]
    print(f"{label:22} {float((torch.stack(written.logits, 1) - whole).norm() / whole.norm()):.1e}")


def low(model):
    """Time steps below the least one, as `softplus` gives them for a bias of -8 (0.0003), and no way around the states."""
    for name, parameter in model.named_parameters():
        if name.endswith(("dt_bias", ".D")):
            torch.nn.init.constant_(parameter, -8.0 if name.endswith("dt_bias") else 0.0)
    return model


torch.manual_seed(0)
sizes = {"hidden_size": 64, "vocab_size": 99}
rwkv = RwkvForCausalLM(RwkvConfig(num_hidden_layers=2, **sizes))
show("rwkv, one row", rwkv)
show("rwkv, two rows", rwkv, rows=2)
mamba = {"mamba_d_state": 16, "mamba_expand": 2, "mamba_ngroups": 1, "n_mamba_heads": 8, "num_mem_blocks": 1, "chunk_size": 8}
layers = {
    "num_hidden_layers": 3,
    "layers_block_type": ["mamba", "mamba", "hybrid"],
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "intermediate_size": 64,
}
zamba = Zamba2ForCausalLM(Zamba2Config(**sizes, **mamba, **layers))
show("zamba2", zamba)
show("zamba2, low steps", low(zamba))
mamba = {
    "mamba_num_heads": 8,
    "mamba_head_dim": 16,
    "ssm_state_size": 16,
    "n_groups": 1,
    "chunk_size": 8,
    "time_step_limit": (0.0, float("inf")),
}
layers = {
    "layers_block_type": ["mamba", "attention"],
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 16,
    "intermediate_size": 64,
}
nemotron = NemotronHForCausalLM(NemotronHConfig(**sizes, **mamba, **layers))
show("nemotron_h", nemotron)
show("nemotron_h, low steps", low(nemotron))
part = {"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 4, "intermediate_size": 128, "num_hidden_layers": 2}
parts = {f"{name}_config": dict(part) for name in ("encoder", "decoder", "global", "patcher")}
for name in ("encoder", "decoder"):
    parts[f"{name}_config"] |= {"hidden_size_global": 64, "cross_attn_k": 1}
blt = BltConfig(
    vocab_size=260,
    encoder_hash_byte_group_vocab=50,
    patching_mode="entropy",
    patching_threshold=5.0,
    cross_attn_k=1,
    num_hidden_layers=2,
    **parts,
)
show("blt", BltForCausalLM(blt))
