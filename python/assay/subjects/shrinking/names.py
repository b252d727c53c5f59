"""What a field of a configuration is, by its name. The names are the library's conventions; where two kinds could claim a field,
`kind` asks them in order."""

from __future__ import annotations

import re

LAYERS = re.compile(
    r"^(n|num)_?(hidden_|encoder_|decoder_)?layers?$|^\w*_layers$|^(layers|depth|n_layer|num_blocks)$|^num_\w*layers$"
    r"|num_self_attends_per_block|^num_\w+_blocks$|^\w+_depth$|layers_per_stack|^num_cycles|_num_layers|intraclass_block_number"
)
NOT_LAYERS = re.compile(
    r"feat_extract|max_window|adapter|kv_shared|nextn|mtp|mlp_layers$|^max_depth$|timestamp|num_kv|dense_layers|shared_layers|^out_|norm"
)
KEY_VALUE_HEADS = re.compile(r"(key_value|kv)_?heads|num_kv|query_groups|multi_query_group")
HEADS = re.compile(r"heads?$|num_heads|n_heads?|^attention_heads|heads_per_stage|attn_heads|heads_per_layer")
HEAD_WIDTH = re.compile(
    r"head_?dim|head_size|^d_kv$|kv_channels|dim_head|d_head|rotary_dim|headdim|head_out_dim|^(ssm_)?state_size$|^attention_key_size$"
)
EXPERTS = re.compile(r"^(num|n|moe_num)_?\w*experts$|zero_expert_num")
EXPERTS_PER_TOKEN = re.compile(r"experts_per_tok|(^|_)top_?k$|moe_k$|num_selected|moe_topk|top_k_experts")
EXPERT_GROUPS = re.compile(r"^n_groups?$|^num_expert_groups?$|n_expert_group")
TOPK_GROUP = re.compile(r"topk_group")
GROUPS = re.compile(r"groups?$")
VOCABULARY = re.compile(
    r"vocab_size|codebook_size|^num_embeddings$|entity_vocab|hash_buckets|byte_group_vocab|ngram_vocab|vocab_offset|codebook_vocab|num_\w*labels$"
    r"|vocabs?$"
)
TOKEN = re.compile(r"token|_id$|_ids$|_index$|bos|eos|pad|_idx$|im_\w+_id")
NOT_TOKEN = re.compile(r"num_|group|vocab|embed_dim|_size|layer|per_tok|per_image|^_out|padding")
POSITIONS = re.compile(r"max\w*_position|max_seq_len|n_positions|^n_ctx|max_source|max_target|model_max_length|max_\w*len")
QUERIES = re.compile(
    r"num_queries|num_latents|n_latents|num_query_tokens|query_num|num_denoising|two_stage_num|num_detection_tokens|num_prototypes"
)
IMAGE = re.compile(r"image_size|img_size|crop_size|pretrain_image_size|^resolution$|max_image_size")
FEATURE_LAYER = re.compile(r"^vision_feature_layers?$")
MAPS = re.compile(r"feat(ure)?_sizes$")
WINDOW = re.compile(r"sliding_window|attention_window|local_attention|attention_chunk|window_attention|^(mamba_)?chunk_size$")
PERIOD = re.compile(
    r"interval|_period$|_pattern$|sparse_step|layer_freq$|every_n|frequency$|_freq$|layers_per_block|_every$|n_layer_per|layer_interval|moe_every"
    r"|_step$"
)
INDEX = re.compile(r"(index|indices|indexes|idxs?|layer_ids|_layers|_blocks|_layer|extract_layers)$")
FEATURE_INDEX = re.compile(r"out_ind|extract|feature|return_idx|backbone|hidden_state_ind")
DEPTHS = re.compile(
    r"^(depths?|stage_numb_of_layers|num_block_repeats|blocks_per_stage|layers|num_layers|encoder_layers|decoder_layers|stage_num_blocks"
    r"|n_attn_blocks|num_blocks|num_encoder_blocks|layer_depths)$"
)
WIDTH = re.compile(
    r"num_pos_feats|hidden|dim|size|channels?|units|embd?|d_model|width|rank|inner|d_ff|dff|intermediate|filters|d_ssm|features|channel|project"
    r"|d_latents|planes|feat|d_state|base_width|fpn|stem|resnet_|connector|out_point"
)
SURELY_WIDTH = re.compile(
    r"feature_dims$|_configs$|sample_(initial_channel|hidden_size|channels)$|^patch_embeds_hidden_size$|sampler_embed_dim$"
)
"""Widths with a name that says something else, too."""
WIDTH_FACTOR = re.compile(r"^(depth|width)_multiplier$|^width_coefficient$")
"""Factors on widths that stand in no field."""
DEPTH_FACTOR = re.compile(r"^depth_(coefficient|mult)$")
NOT_WIDTH = re.compile(
    r"image|patch|window|kernel|vocab|chunk|crop|block|batch|context|codebook_size|sampl(?!e_channels|e_hidden)|seq|max_|posemb|grid|pool_|stride|resolution"
    r"|num_embeddings|chroma|length|freq|n_mels?|mel_bins|dilation|spec_size|img_size|group_size|bins|vision_max|scale|padding|position_size"
    r"|lru_block|fft|hop|hashes|_id$|token|capacity|buckets|num_frames|frame_size|positional|mask_size|^window|train_size|num_queries"
    r"|cache_size|(?<!adapter_)input_size|^feature_size$|visual_prompt|num_image|audio_channels|temporal|height|width_|kpool|topk|pos_emb|keypoint_decoder|^input_dim|projection_input_dim|feat(ure)?_sizes$|^memory_encoder_output"
)
MEL_BINS = re.compile(r"^(num_mel_bins|n_mels|n_mel_bins|mel_bins)$")


def kind(name: str) -> str | None:
    """The kind of a field whose value is a whole number, or a list of them; none if its size says nothing about the model's."""
    if TOKEN.search(name) and not NOT_TOKEN.search(name):
        return "token"
    if LAYERS.search(name) and not NOT_LAYERS.search(name):
        return "layers"
    order = (
        ("vocabulary", VOCABULARY),
        ("key-value heads", KEY_VALUE_HEADS),
        ("head width", HEAD_WIDTH),
    )
    found = next((kind for kind, pattern in order if pattern.search(name)), None)
    if found:
        return found
    if HEADS.search(name) and not re.search("size|dim|hidden|resnet", name):
        return "heads"
    order = (
        ("experts", EXPERTS),
        ("experts per token", EXPERTS_PER_TOKEN),
        ("expert groups", EXPERT_GROUPS),
        ("chosen expert groups", TOPK_GROUP),
        ("groups", GROUPS),
        ("positions", POSITIONS),
        ("queries", QUERIES),
        ("image", IMAGE),
        ("window", WINDOW),
    )
    found = next((kind for kind, pattern in order if pattern.search(name)), None)
    if found:
        return found
    if SURELY_WIDTH.search(name) or (WIDTH.search(name) and not NOT_WIDTH.search(name)):
        return "width"
    return None
