"""Text: tokens, their masks, and what stands beside them."""

from __future__ import annotations

from assay.subjects.proposals.context import DECODER_TOKENS, Context
from assay.subjects.shrinking.editing import integer, integers
from assay.subjects.specs import InputSpec

KINDS = {"image": 1, "video": 2, "audio": 3}
"""Numbers of the modalities in `mm_token_type_ids`."""

Placed = list[tuple[str, int, int]]
"""Modality, token and number of the features that are placed in a row of tokens, in order."""


def tokens(c: Context, placed: Placed = (), length: int | None = None) -> list[InputSpec]:
    """A row of tokens with its companions: mask, token types, layout boxes, decoder's tokens."""
    low, high = c.tokens
    size = length or c.length
    positions: list[tuple[int, int]] = []
    kinds: dict[int, str] = {}
    at = 2
    for modality, token, count in placed:
        positions += [(place, token) for place in range(at, at + count)]
        kinds |= dict.fromkeys(range(at, at + count), modality)
        at += count + 1
        size += count
    size = max(size, at + 2)
    # Not the first and not the last: between two of them lies a phrase.
    positions += [(size // 2, token) for token in c.separators[:1] if not placed and token < c.vocabulary]
    # A text with a question has a token that stands for its answer (Splinter).
    positions += [(size // 2, token) for token in [getattr(c.config, "question_token_id", None)] if integer(token) and not placed]
    if c.takes("image_embeds_position_mask"):
        size = max(size, getattr(c.config, "latent_query_num", 4) + 4)
    specs = [InputSpec("input_ids", "tokens", "int64", (size,), low, high, tuple(positions))]
    specs += companions(c, size, kinds)
    return specs + decoder(c)


def companions(c: Context, size: int, kinds: dict[int, str]) -> list[InputSpec]:
    """What a model takes for each token beside the token itself."""
    specs = []
    if c.takes("attention_mask"):
        specs.append(InputSpec("attention_mask", "attention_mask", "int64", (size,)))
    if c.takes("mm_token_type_ids"):
        values = [KINDS[kinds[place]] if place in kinds else 0 for place in range(size)]
        specs.append(InputSpec("mm_token_type_ids", "token_kinds", "int64", (size,), values=values))
        specs.append(InputSpec("moe_mm_token_type_ids", "token_kinds", "int64", (size,), values=values))
    elif c.takes("token_type_ids") and kinds:
        values = [int(place in kinds) for place in range(size)]
        specs.append(InputSpec("token_type_ids", "token_kinds", "int64", (size,), values=values))
    elif c.takes("token_type_ids"):
        # XLNet tells segments apart by two embeddings, and has no field for their number.
        has_segments = any(name.endswith("seg_embed") for name, _ in c.model.named_parameters())
        types = c.value([c.text, c.config], "type_vocab_size", default=2 if has_segments else 0)
        kinds_of_types = getattr(c.config, "type_vocab_sizes", None)
        if integers(kinds_of_types):  # where in a table a token stands (TAPAS)
            specs.append(InputSpec("token_type_ids", "token_types", "int64", (size, len(kinds_of_types)), 0, min(kinds_of_types)))
        if isinstance(types, int) and types > 1:
            specs.append(InputSpec("token_type_ids", "token_types", "int64", (size,), 0, types))
    if c.takes("bbox"):
        if isinstance(getattr(c.config, "dim_bbox", None), int):
            specs.append(InputSpec("bbox", "boxes", "float32", (size, 4), 0, 100))
        else:
            specs.append(InputSpec("bbox", "boxes", "int64", (size, 4), 0, 80))
    if c.takes("image_embeds_position_mask"):
        count = getattr(c.config, "latent_query_num", 4)
        values = [int(1 <= place <= count) for place in range(size)]
        specs.append(InputSpec("image_embeds_position_mask", "token_kinds", "int64", (size,), values=values))
    # Beside masked patches it is a mask over patches, and all of them are there (FLAVA).
    if c.takes("image_attention_mask") and not c.takes("image_sizes") and not c.takes("bool_masked_pos"):
        specs.append(InputSpec("image_attention_mask", "image_mask", "int64", (size, 1), values=1))
    if c.takes("xpath_tags_seq"):
        depth = getattr(c.config, "max_depth", 50)
        specs += [
            InputSpec("xpath_tags_seq", "codes", "int64", (size, depth), 0, 100),
            InputSpec("xpath_subs_seq", "codes", "int64", (size, depth), 0, 100),
        ]
    if c.takes("entity_ids") and c.takes("entity_position_ids"):
        entities = getattr(c.config, "entity_vocab_size", 8)
        specs += [
            InputSpec("entity_ids", "codes", "int64", (2,), 1, entities),
            InputSpec("entity_attention_mask", "entity_mask", "int64", (2,), values=1),
            InputSpec("entity_position_ids", "entity_positions", "int64", (2, 4), values=[[1, 2, -1, -1], [3, 4, 5, -1]]),
        ]
    return [spec for spec in specs if c.takes(spec.name)]


def decoder(c: Context) -> list[InputSpec]:
    """Tokens of a decoder, where `forward` takes them."""
    if not c.takes("decoder_input_ids") or c.value([c.config], "use_decoder_only_language_model"):
        return []
    nodes = [c.config, c.text, *c.nodes]
    names = ("decoder_vocab_size", "tgt_vocab_size", "vocab_size")
    entries = c.value(nodes, *names, default=100)
    entries = entries if isinstance(entries, int) else 100
    codebooks = getattr(getattr(c.config, "decoder", None), "num_codebooks", None)
    if integer(codebooks):  # a row for each of them (MusicGen)
        return [InputSpec("decoder_input_ids", "codes", "int64", (codebooks, DECODER_TOKENS), *c.token_range(entries), packed=True)]
    specs = [InputSpec("decoder_input_ids", "decoder_tokens", "int64", (DECODER_TOKENS,), *c.token_range(entries))]
    if c.takes("self_conditioning_logits"):  # of the step of denoising before this one
        specs.append(InputSpec("self_conditioning_logits", "features", "float32", (DECODER_TOKENS, entries)))
    return specs
