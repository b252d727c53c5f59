"""Tiny checkpoints with a tokenizer trained on the spot; nothing comes from a hub."""

import json

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
    normalizer, cut = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    texts = [*TEXTS.values(), "The weather in Paris is lovely", "Maria wrote a long letter to the bank", "This is a photo of."]
    # Written down, not trained: a trainer orders words that are as frequent by chance, and cuts some.
    words = sorted({word for text in texts for word, _ in cut.pre_tokenize_str(normalizer.normalize_str(text))})
    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, cut
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def letters_tokenizer(folder):
    """A token for each letter, and a blank: as models of speech have it."""
    names = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz"]
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({name: place for place, name in enumerate(names)}))
    return transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))


def save(folder, model, tokenizer, task=None):
    """The checkpoint as a folder, with a tokenizer or a processor; the model keeps what it was drawn, ten times as large where that is
    small."""
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


VISION = {**SMALL, "image_size": 32, "patch_size": 8}
SPEECH = {
    **SMALL,
    "conv_dim": (32, 32),
    "conv_kernel": (10, 8),
    "conv_stride": (10, 16),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "pad_token_id": 0,
}
SQUARE = {"height": 32, "width": 32}


def of_images_and_sounds(task, folder):
    """A checkpoint for each task whose examples are images or sounds."""
    torch.manual_seed(1)
    images = transformers.ViTImageProcessor(size=SQUARE)
    if task == "image-classification":
        return save(folder, transformers.ViTForImageClassification(transformers.ViTConfig(**VISION, num_labels=5)), images, task)
    if task == "image-feature-extraction":
        return save(folder, transformers.ViTModel(transformers.ViTConfig(**VISION)), images, task)
    if task == "zero-shot-image-classification":
        words = words_tokenizer()
        text = {**SMALL, "vocab_size": len(words), "eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0, "max_position_embeddings": 64}
        text["initializer_factor"] = 30.0  # so that the texts are told apart
        config = transformers.CLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)
        processor = transformers.CLIPProcessor(transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=SQUARE), words)
        return save(folder, transformers.CLIPModel(config), processor, task)
    if task == "object-detection":
        config = transformers.YolosConfig(**{**VISION, "image_size": [32, 32]}, num_detection_tokens=6, num_labels=4)
        return save(folder, transformers.YolosForObjectDetection(config), transformers.YolosImageProcessor(size=SQUARE), task)
    if task == "image-segmentation":
        sizes = {"hidden_sizes": [8] * 4, "depths": [1] * 4, "num_attention_heads": [1] * 4, "decoder_hidden_size": 8}
        model = transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig(**sizes, num_labels=4))
        return save(folder, model, transformers.SegformerImageProcessor(size=SQUARE), task)
    if task == "depth-estimation":
        sizes = {
            **VISION,
            "num_hidden_layers": 4,
            "neck_hidden_sizes": [8] * 4,
            "fusion_hidden_size": 8,
            "backbone_out_indices": [0, 1, 2, 3],
        }
        model = transformers.DPTForDepthEstimation(transformers.DPTConfig(**sizes))
        return save(folder, model, transformers.DPTImageProcessor(size=SQUARE), task)
    sounds = transformers.Wav2Vec2FeatureExtractor()
    if task == "audio-classification":
        model = transformers.Wav2Vec2ForSequenceClassification(transformers.Wav2Vec2Config(**SPEECH, num_labels=4))
        return save(folder, model, sounds, task)
    letters = letters_tokenizer(folder)
    model = transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(**SPEECH, vocab_size=len(letters)))
    return save(folder, model, transformers.Wav2Vec2Processor(sounds, letters), task)
