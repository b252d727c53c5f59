"""`transformers serve` with a random llama, pinned to it: PORT FOLDER. The folder keeps the model, which is called by its path there:
`./tiny`.
"""

import os
import sys
from pathlib import Path

# Read at import.
os.environ["HF_HOME"] = str(Path(sys.argv[2]) / "no-hub")

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.cli.transformers import main

HIDDEN, FEED_FORWARD, LAYERS, HEADS, CONTEXT = 64, 128, 2, 4, 2048
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"


def tokenizer() -> PreTrainedTokenizerFast:
    """Every byte is a token."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE({letter: index for index, letter in enumerate(["<s>", "</s>", *letters])}, []))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=bytes_only, bos_token="<s>", eos_token="</s>", pad_token="</s>", model_max_length=CONTEXT
    )
    made.chat_template = TEMPLATE
    return made


def save(path: Path) -> None:
    """Saves model and tokenizer."""
    words = tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=HIDDEN,
        intermediate_size=FEED_FORWARD,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
        initializer_range=0.5,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    words.save_pretrained(path)


port, folder = sys.argv[1:]
os.chdir(folder)
save(Path("tiny"))
torch.set_num_threads(1)
sys.argv = ["transformers", "serve", "./tiny", "--host", "127.0.0.1", "--port", port, "--device", "cpu"]
main()
