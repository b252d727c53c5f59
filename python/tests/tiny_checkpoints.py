"""Tiny checkpoints with a tokenizer trained on the spot; nothing comes from a hub."""

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from assay.checks.tokenizer import TEXTS

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 37}


def bytes_tokenizer():
    """Byte-level BPE, as language models have it: nothing is unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS.values(), trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", padding_side="left")


def words_tokenizer():
    """Whole words in lower case, with a token before and behind."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator([*TEXTS.values(), "The weather in Paris is lovely", "Maria wrote a long letter to the bank"], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def save(folder, model, tokenizer, task=None):
    """The checkpoint as a folder; the model keeps what it was drawn, ten times as large where that is small."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(10)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if task is not None:
        (folder / "README.md").write_text(f"---\nlicense: mit\npipeline_tag: {task}\n---\n# Tiny\n")
    return folder


def llama(folder):
    """A language model."""
    torch.manual_seed(1)
    tokenizer = bytes_tokenizer()
    config = transformers.LlamaConfig(**SMALL, vocab_size=len(tokenizer), num_key_value_heads=2, bos_token_id=0, eos_token_id=1)
    return save(folder, transformers.LlamaForCausalLM(config), tokenizer, "text-generation")


def bert(folder, head, task=None):
    """An encoder under a head."""
    torch.manual_seed(1)
    tokenizer = words_tokenizer()
    config = transformers.BertConfig(**SMALL, vocab_size=len(tokenizer), num_labels=3)
    return save(folder, getattr(transformers, head)(config), tokenizer, task)
