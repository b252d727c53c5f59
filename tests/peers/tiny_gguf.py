"""A random llama of two layers, as a GGUF file: what llama.cpp's server is tried with. Same bytes every time."""

from pathlib import Path

import gguf
import numpy

HIDDEN, FEED_FORWARD, LAYERS, HEADS, CONTEXT = 64, 128, 2, 4, 2048
WORDS = "gold silver lead fire ash weight assay proof scale the a of is and in to what count one two three four five six seven eight nine"
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


def tokens() -> list[str]:
    """Three specials, every byte, some words and the letters."""
    specials = ["<unk>", "<s>", "</s>"]
    return [*specials, *(f"<0x{byte:02X}>" for byte in range(256)), *(f"▁{word}" for word in WORDS.split()), *"▁abcdefghijklmnopqrstuvwxyz"]


def write(path: Path) -> None:
    """Writes the file."""
    random = numpy.random.default_rng(0)

    def drawn(*shape: int) -> numpy.ndarray:
        return random.normal(0, 0.5, shape).astype(numpy.float32)

    vocabulary = tokens()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_vocab_size(len(vocabulary))
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocabulary)
    writer.add_token_scores([-float(index) for index in range(len(vocabulary))])
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL] + [gguf.TokenType.BYTE] * 256
    writer.add_token_types(kinds + [gguf.TokenType.NORMAL] * (len(vocabulary) - len(kinds)))
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    ones = numpy.ones(HIDDEN, numpy.float32)
    writer.add_tensor("token_embd.weight", drawn(len(vocabulary), HIDDEN))
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", drawn(len(vocabulary), HIDDEN))
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", ones)
        for matrix in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{matrix}.weight", drawn(HIDDEN, HIDDEN))
        for matrix, shape in (
            ("ffn_gate", (FEED_FORWARD, HIDDEN)),
            ("ffn_up", (FEED_FORWARD, HIDDEN)),
            ("ffn_down", (HIDDEN, FEED_FORWARD)),
        ):
            writer.add_tensor(f"blk.{layer}.{matrix}.weight", drawn(*shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
