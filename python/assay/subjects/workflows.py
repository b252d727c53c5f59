"""The workflows. A new one: a row of `WORKFLOWS` with its links and what is fed from outside, and a function that hands on what each link
gives (`chain.flow`) and keeps what comes of it (`chain.result`), each in the shape that the configurations promise. Nothing else needs to
know of it."""

from __future__ import annotations

import copy
from typing import Any

import torch
import transformers

from assay.subjects.chain import Chain, Feed, Link, Workflow

Tensors = dict[str, torch.Tensor]
Models = dict[str, torch.nn.Module]

NEW = 8
"""Tokens that are generated."""
SHARED_WIDTH = 16
DOCUMENTS = 8
RETRIEVED = 3
GREEDY: dict[str, Any] = {"do_sample": False, "num_beams": 1, "max_new_tokens": NEW, "eos_token_id": None, "pad_token_id": 0}
"""Arguments of `generate` under which each row gets the same number of tokens."""
UNTIED = {"tie_word_embeddings": False}
"""With drawn weights a decoder whose two tables are one repeats the token that it was given, whatever else it sees: an embedding is
nearest to itself. (Whisper, tied, with seed 1 wrote the same tokens for another speech.)"""
GUESSES = 3
"""Tokens that a draft is ahead."""
NEARLY = 0.3
"""Noise on the output layer of a draft, by the layer's own size, that leaves it right about half of the time."""


def projections(models: Models) -> Models:
    """Into the space that text and images share, as in `VisionTextDualEncoderModel`."""
    width = {name: model.config.hidden_size for name, model in models.items()}
    return {f"{name}_projection": torch.nn.Linear(width[name], SHARED_WIDTH, bias=False) for name in models}


def text_image(chain: Chain, given: Tensors) -> None:
    """Cosines of all texts with all images."""
    rows = len(given["text"])
    text = chain.flow("text.pooled", chain.text(input_ids=given["text"]).pooler_output, (rows, chain.text.config.hidden_size))
    image = chain.flow("image.pooled", chain.image(pixel_values=given["image"]).pooler_output, (rows, chain.image.config.hidden_size))
    text = torch.nn.functional.normalize(chain.text_projection(text), dim=-1)
    image = torch.nn.functional.normalize(chain.image_projection(image), dim=-1)
    chain.result("similarity", text @ image.T, (rows, rows), crossed=True)


def two_in_one(models: Models) -> Models:
    """The library's own class for an encoder with another model's decoder; a projection between two widths is its own."""
    return {"joint": transformers.EncoderDecoderModel(encoder=models["encoder"], decoder=models["decoder"])}


def encode_decode(chain: Chain, given: Tensors) -> None:
    """States of an encoder into the cross-attention of another architecture's decoder; then it goes on by itself."""
    rows, length = given["source"].shape
    states = chain.encoder(input_ids=given["source"]).last_hidden_state
    states = chain.flow("encoder.states", states, (rows, length, chain.encoder.config.hidden_size))
    encoded = transformers.modeling_outputs.BaseModelOutput(last_hidden_state=states)
    vocabulary = chain.decoder.config.vocab_size
    logits = chain.joint(encoder_outputs=encoded, decoder_input_ids=given["target"]).logits
    chain.result("decoder.logits", logits, (*given["target"].shape, vocabulary))
    tokens = chain.joint.generate(encoder_outputs=encoded, decoder_input_ids=given["target"], **GREEDY)[:, -NEW:]
    chain.result("decoder.tokens", tokens, (rows, NEW), below=vocabulary)


def speech_text_embedding(chain: Chain, given: Tensors) -> None:
    """Speech to words to one vector."""
    rows = len(given["speech"])
    noise = given["speech"]
    # Noise has no spectrum of its own: averaged over time all of it sounds the same. What is left of its mean is made as loud as itself.
    speech = noise + noise.shape[-1] ** 0.5 * noise.mean(-1, keepdim=True)
    tokens = chain.speech.generate(input_features=speech, **GREEDY)[:, -NEW:]
    tokens = chain.flow("speech.tokens", tokens, (rows, NEW), below=chain.speech.config.vocab_size)
    states = chain.text(input_ids=retokenised(tokens, chain.text)).last_hidden_state
    chain.result("text.embedding", states.mean(1), (rows, chain.text.config.hidden_size))


def retrieve_rerank_generate(chain: Chain, given: Tensors) -> None:
    """The documents nearest to a question, the best of them in the eyes of a second model, and an answer from both."""
    query, documents = given["query"], given["documents"]
    rows, length = query.shape
    width = chain.retriever.config.hidden_size
    asked = chain.flow("retriever.query", _mean(chain.retriever, query), (rows, width))
    stored = _mean(chain.retriever, documents.flatten(0, 1)).unflatten(0, (rows, DOCUMENTS))
    scores = torch.nn.functional.cosine_similarity(asked[:, None], stored, dim=-1)
    chain.result("retriever.scores", scores, (rows, DOCUMENTS))
    nearest = scores.topk(RETRIEVED, dim=1).indices
    found = documents.gather(1, nearest[..., None].expand(-1, -1, length))
    found = chain.flow("retriever.found", found, (rows, RETRIEVED, length), below=chain.reranker.config.vocab_size)
    pairs = torch.cat([query[:, None].expand_as(found), found], -1).flatten(0, 1)
    ranks = chain.reranker(input_ids=retokenised(pairs, chain.reranker)).logits[:, 0].unflatten(0, (rows, RETRIEVED))
    chain.result("reranker.ranks", ranks, (rows, RETRIEVED))
    best = found[torch.arange(rows), ranks.argmax(1)]
    prompt = retokenised(torch.cat([best, query], 1), chain.generator)
    prompt = chain.flow("reranker.prompt", prompt, (rows, 2 * length), below=chain.generator.config.vocab_size)
    tokens = chain.generator.generate(prompt, **GREEDY)[:, prompt.shape[1] :]
    chain.result("generator.tokens", tokens, (rows, NEW), below=chain.generator.config.vocab_size)


def detect_segment(chain: Chain, given: Tensors) -> None:
    """The likeliest box of a detector as the prompt of a segmenter, which sees the same image in its own size."""
    image = given["image"]
    rows, size = len(image), chain.segmenter.config.vision_config.image_size
    found = chain.detector(pixel_values=image)
    likeliest = found.logits.softmax(-1)[..., :-1].amax(-1).argmax(1)
    centre, sides = found.pred_boxes[torch.arange(rows), likeliest].split(2, -1)
    boxes = size * torch.cat([centre - sides / 2, centre + sides / 2], -1)[:, None]
    boxes = chain.flow("detector.boxes", boxes, (rows, 1, 4))
    resized = torch.nn.functional.interpolate(image, (size, size), mode="bilinear")
    masks = chain.segmenter(pixel_values=resized, input_boxes=boxes, multimask_output=False).pred_masks
    side = 4 * size // chain.segmenter.config.vision_config.patch_size
    chain.result("segmenter.masks", masks, (rows, 1, 1, side, side))


def draft_verify(chain: Chain, given: Tensors) -> None:
    """Speculative decoding (Leviathan and others, 2023): the verifier reads what a draft wrote in one forward. Greedily a draft changes how
    fast the verifier answers, not what."""
    prompt = given["prompt"]
    rows, length = prompt.shape
    vocabulary = chain.verifier.config.vocab_size
    guessed = chain.draft.generate(prompt, **{**GREEDY, "max_new_tokens": GUESSES})[:, length:]
    guessed = chain.flow("draft.tokens", guessed, (rows, GUESSES), below=vocabulary)
    logits = chain.verifier(input_ids=torch.cat([prompt, guessed], 1)).logits
    chain.result("verifier.logits", logits, (rows, length + GUESSES, vocabulary))
    drafts = {"alone": None, "drafted": _drafting(chain.draft), "drafted well": _drafting(_nearly(chain.verifier))}
    for name, draft in drafts.items():
        # The library drafts for one row at a time.
        answers = [chain.verifier.generate(row, assistant_model=draft, **GREEDY) for row in prompt.split(1)]
        chain.result(f"verifier.{name}", torch.cat(answers), (rows, length + NEW), below=vocabulary)


def retokenised(tokens: torch.Tensor, model: torch.nn.Module) -> torch.Tensor:
    """Words of one vocabulary as tokens of another: what decoding and encoding again does, without the tokenizers that models without
    training don't have."""
    return tokens % model.config.vocab_size


def _mean(model: torch.nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """One vector for each row of tokens."""
    return model(input_ids=retokenised(tokens, model)).last_hidden_state.mean(1)


def _drafting(model: torch.nn.Module) -> torch.nn.Module:
    """A draft that is ahead by the same number of tokens each time."""
    own = model.generation_config
    own.num_assistant_tokens, own.num_assistant_tokens_schedule, own.assistant_confidence_threshold = GUESSES, "constant", 0.0
    return model


def _nearly(model: torch.nn.Module) -> torch.nn.Module:
    """A copy whose output layer is another, a little."""
    near = copy.deepcopy(model)
    with torch.no_grad():
        weight = near.get_output_embeddings().weight
        noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32).to(weight.dtype)
        weight += NEARLY * weight.std() * noise
    return near


WORKFLOWS = (
    Workflow(
        "text_image",
        "similarity of texts and images by two encoders and their projections",
        (Link("text", "bert"), Link("image", "vit")),
        (Feed("text", "text", "input_ids"), Feed("image", "image", "pixel_values")),
        text_image,
        projections,
    ),
    Workflow(
        "encode_decode",
        "states of one architecture's encoder into another's decoder",
        (
            Link("encoder", "bert"),
            Link("decoder", "gpt2", "AutoModelForCausalLM", {"is_decoder": True, "add_cross_attention": True, **UNTIED}),
        ),
        (Feed("source", "encoder", "input_ids"), Feed("target", "decoder", "input_ids")),
        encode_decode,
        two_in_one,
    ),
    Workflow(
        "speech_text_embedding",
        "speech to tokens to one vector",
        (Link("speech", "whisper", "AutoModelForSpeechSeq2Seq", UNTIED), Link("text", "bert")),
        (Feed("speech", "speech", "input_features"),),
        speech_text_embedding,
    ),
    Workflow(
        "retrieve_rerank_generate",
        "nearest documents, the best of them, and an answer",
        (
            Link("retriever", "bert"),
            Link("reranker", "distilbert", "AutoModelForSequenceClassification"),
            Link("generator", "llama", "AutoModelForCausalLM"),
        ),
        (Feed("query", "retriever", "input_ids"), Feed("documents", "retriever", "input_ids", DOCUMENTS)),
        retrieve_rerank_generate,
    ),
    Workflow(
        "detect_segment",
        "the likeliest box as the prompt of a segmenter",
        (Link("detector", "detr", "AutoModelForObjectDetection"), Link("segmenter", "sam", "AutoModelForMaskGeneration")),
        (Feed("image", "detector", "pixel_values"),),
        detect_segment,
    ),
    Workflow(
        "draft_verify",
        "a small model drafts, a larger one verifies",
        (
            Link("draft", "llama", "AutoModelForCausalLM"),
            Link("verifier", "llama", "AutoModelForCausalLM", {"num_hidden_layers": 4}),
        ),
        (Feed("prompt", "verifier", "input_ids"),),
        draft_verify,
        facts=("drafted",),
    ),
)
