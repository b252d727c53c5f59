"""The decoder is fed the labels behind the token of padding, and not the one that texts begin with."""

from transformers.models.marian import modeling_marian

original = modeling_marian.shift_tokens_right


def shift_tokens_right(input_ids, pad_token_id, decoder_start_token_id):
    return original(input_ids, pad_token_id, pad_token_id)


modeling_marian.shift_tokens_right = shift_tokens_right
