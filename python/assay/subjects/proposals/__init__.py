"""Inputs for a model that nobody wrote inputs for: proposals from the signature of `forward`, the configuration and the model's own
feature methods, the richest first; the search takes the one that runs and reaches the most.

`context` answers what a configuration says, `text`, `image`, `audio` and `series` lay out one modality each, `features` counts how many
tokens features take the place of, `named` knows arguments by name, `repair` reads a size from an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest

from assay.subjects import sessions
from assay.subjects.proposals import audio, features, image, series, text
from assay.subjects.proposals.context import Context
from assay.subjects.proposals.named import named
from assay.subjects.shrinking.editing import integer
from assay.subjects.specs import InputSpec

Proposal = tuple[frozenset[str], list[InputSpec]]
"""The modalities of a proposal, and its specs."""

BARE = ("tokens", "decoder_tokens", "attention_mask")
"""Roles of text without companions: some of those belong to another modality."""
DUAL = 10
"""Layouts of one modality that are tried beside text."""
DRAWN = ("noise", "timestep")
"""What a model that takes noise away draws in its forward, unless it is given."""
LATENTS = 4
"""Latents of a codec in a row."""
FRAMES = 3
"""Of a video that is gone through one by one: one with prompts, one behind it, and one that sees what was found on an unprompted one."""
BESIDE = (
    "visual_feats",
    "visual_pos",
    "visual_embeds",
    "visual_attention_mask",
    "langs",
    "audio_codes",
    "protein_input_ids",
    "protein_attention_mask",
)
"""What goes with text in a row of its own."""
DECISION = ("states", "actions", "rewards", "returns_to_go", "timesteps")


def proposals(c: Context) -> Iterator[Proposal]:
    """All that may be fed, from the richest to the poorest."""
    for modalities, specs in _all(c):
        yield frozenset(modalities.split("+")), _complete(c, specs)


def together(c: Context, sets: list[tuple[list[str], list[InputSpec]]]) -> list[InputSpec]:
    """Text with all modalities of several sets, each of which has its features in the text, or beside it."""
    placed: dict[int, tuple[str, int, int]] = {}
    beside: dict[str, InputSpec] = {}
    for modalities, specs in sets:
        for spec in specs:
            beside.setdefault(spec.name, spec)
            for token in {token for _, token in spec.placed} if spec.name == "input_ids" else ():
                modality = next((name for name in modalities if name != "text"), "text")
                placed.setdefault(token, (modality, token, [at[1] for at in spec.placed].count(token)))
    return _complete(c, [*beside.values(), *text.tokens(c, list(placed.values()))])


def _complete(c: Context, specs: list[InputSpec]) -> list[InputSpec]:
    """With what `forward` requires besides, or would draw by itself, each argument once."""
    specs = list({spec.name: spec for spec in specs}.values())
    have = {spec.name for spec in specs}
    more = [named(c, name, specs) for name in [*c.required, *filter(c.takes, DRAWN)] if name not in have]
    return specs + [spec for spec in more if spec is not None]


def _all(c: Context) -> Iterator[tuple[str, list[InputSpec]]]:
    if c.session is not None:
        yield from _with_session(c, c.session)
        return
    takes_text = c.takes("input_ids")
    pictures = [name for name in features.media(c) if features.MEDIA[name][0] != "audio"]
    sounds = [name for name in features.media(c) if features.MEDIA[name][0] == "audio"]
    if c.main == "past_values" or (not takes_text and c.takes("past_values")):
        yield from (("series", layout) for layout in series.layouts(c))
    if c.takes("states") and c.takes("actions"):
        specs = [spec for spec in (named(c, name, []) for name in DECISION) if spec is not None]
        yield "series", [*specs, InputSpec("attention_mask", "attention_mask", "int64", (4,))] if c.takes("attention_mask") else specs
        yield "series", specs
    # Where a modality is set, the features of another would be read instead of the tokens (SeamlessM4T).
    if takes_text and not hasattr(c.model, "set_modality"):
        yield from _with_latents(c)
        yield from _with_text(c, pictures + sounds)
    yield from _hidden(c, takes_text, pictures)
    if pictures and sounds and not takes_text:
        for layout in features.layouts(c, pictures[0])[:6]:
            yield from (("image+audio", [*layout, *heard]) for heard in audio.layouts(c, sounds[0]) if len(heard) == 1)
    if c.main in pictures or (pictures and not takes_text):
        name = c.main if c.main in pictures else pictures[0]
        yield from (("image", [*layout, *text.decoder(c)]) for layout in image.layouts(c, name))
    if c.main in sounds or (sounds and not takes_text):
        yield from _sounds(c, sounds)
    if takes_text:
        yield from _text_alone(c)
        for name in pictures + sounds:
            yield from ((features.MEDIA[name][0], [*layout, *text.decoder(c)]) for layout in features.layouts(c, name)[:DUAL])
    yield from _encoder(c, takes_text)
    yield "required", []
    if c.main is not None and not takes_text:
        spec = named(c, c.main, [])
        if spec is not None:
            yield "main", [spec]
        for shape in ((16, c.width), (1, 1600), (c.width, 16), (3, 64, 64)):
            yield "main", [InputSpec(c.main, "features", "float32", shape)]


def _with_session(c: Context, session: type) -> Iterator[tuple[str, list[InputSpec]]]:
    """A video, with what to look for in it: words, or an object by points and another by a mask."""
    video = InputSpec(sessions.VIDEO, "pixels", "float32", (FRAMES, c.channels, *c.image), packed=True)
    if hasattr(session, "add_prompt"):
        tokens = InputSpec(sessions.TEXT[0], "tokens", "int64", (c.length,), *c.tokens)
        yield "text+video", [video, tokens, InputSpec(sessions.TEXT[1], "attention_mask", "int64", (c.length,))]
        return
    points = [spec for spec in (named(c, name, []) for name in sessions.POINTS) if spec is not None]
    mask = InputSpec(sessions.MASKS, "features", "float32", (1, *c.image))
    yield "video+points+mask", [video, *points, mask]
    yield "video+points", [video, *points]
    yield "video+mask", [video, mask]


def _with_text(c: Context, media: list[str]) -> Iterator[tuple[str, list[InputSpec]]]:
    """Text with the features of other modalities in it, or beside it."""
    placed = features.placed(c) if media else []
    for group in features.beside(c, placed) if placed else []:
        rows = text.tokens(c, [(part.modality, part.token, part.count) for part in group])
        specs = [*rows, *(spec for part in group for spec in part.layout)]
        modalities = "+".join(["text", *(part.modality for part in group)])
        yield modalities, specs
        yield modalities, [spec for spec in specs if spec.role != "attention_mask"]
        bare = [spec for spec in specs if spec.role != "geometry" or spec.name in c.required]
        if len(bare) < len(specs):  # heads take sizes that not every tower beneath them knows
            yield modalities, bare
        for turn in zip_longest(*(features.listed(c, part) for part in group)):
            yield modalities, [*rows, *(spec for part, listed in zip(group, turn, strict=True) for spec in listed or part.layout)]
    if not media:
        return
    turns = zip_longest(*(_beside_text(c, name, bool(placed)) for name in (media[:2] if not placed else media[:1])))
    yield from (proposal for turn in turns for proposal in turn if proposal is not None)


def _with_latents(c: Context) -> Iterator[tuple[str, list[InputSpec]]]:
    """Text with latents of a codec in the place of tokens: each such argument has its own token, and sound begins with another."""
    begins = c.token(("audio_bos_token_id",))
    placed = [("audio", begins, 1)] if begins is not None else []
    latents = []
    for name in (name for name in c.arguments if name.endswith("_latents")):
        stem = name.removesuffix("_latents")
        token = c.token((f"{stem}_token_id", f"{stem}_latent_token_id"))
        width = c.value([c.config], f"{stem}_dim", "latent_dim")
        if token is not None and integer(width):
            placed.append(("audio", token, LATENTS))
            latents.append(InputSpec(name, "features", "float32", (LATENTS, width)))
    if latents:
        yield "text+audio", [*text.tokens(c, placed), *latents]


def _beside_text(c: Context, name: str, placed: bool) -> Iterator[tuple[str, list[InputSpec]]]:
    """Text with one other modality, without a method that says how many tokens its features take the place of."""
    modality, _, fields = features.MEDIA[name]
    layouts = features.layouts(c, name)
    token = c.token(fields)
    # As many as codes or queries, one, or as many as the error says.
    for layout in layouts[:8] if token is not None and not placed else ():
        if layout[0].role == "codes":
            yield f"text+{modality}", [*text.tokens(c, [(modality, token, layout[0].shape[0])]), *layout]
    for count in dict.fromkeys((features.queries(c), 1, 4)) if token is not None and not placed else ():
        for layout in layouts[:8]:
            yield f"text+{modality}", [*text.tokens(c, [(modality, token, count)]), *layout]
    for layout in layouts[:DUAL]:
        yield f"text+{modality}", [*text.tokens(c), *layout]
    for layout in layouts[:4]:
        yield f"text+{modality}", [*(spec for spec in text.tokens(c) if spec.role in BARE), *layout]


def _hidden(c: Context, takes_text: bool, pictures: list[str]) -> Iterator[tuple[str, list[InputSpec]]]:
    """Towers that take a stream: patches with a grid, latents, frames."""
    if not pictures and c.takes("hidden_states") and any(c.takes(grid) for grid in image.GRIDS):
        yield from (("image", layout) for layout in image.layouts(c, "hidden_states"))
    elif not takes_text and "hidden_states" in c.required:
        widths = [(16, c.width), (c.width, 16), (1, 3200)]
        for field in ("latent_dim", "latent_size", "hidden_size", "acoustic_vae_dim", "vae_dim", "latent_channels"):
            width = c.value([c.config], field)
            if integer(width):
                widths += [(width, 16), (16, width)]
        yield from (("features", [InputSpec("hidden_states", "features", "float32", shape)]) for shape in widths)


def _sounds(c: Context, sounds: list[str]) -> Iterator[tuple[str, list[InputSpec]]]:
    for name in [c.main] if c.main in sounds else sounds:
        yield from (("audio", [*layout, *text.decoder(c)]) for layout in audio.layouts(c, name))
    if len(sounds) > 1:
        # The same sound twice: a waveform as long as the frames of a spectrogram, not a hundredth of it.
        others = sorted(audio.layouts(c, sounds[1]), key=lambda other: -math.prod(other[0].shape))[:8]
        for layout in audio.layouts(c, sounds[0])[:12]:
            for other in others:
                yield "audio", [*layout, *other]
    if c.takes("decoder_input_values"):
        spec = named(c, "decoder_input_values", [])
        name = c.main if c.main in sounds else sounds[0]
        heard = [*audio.layouts(c, name)[:6], [InputSpec(name, "features", "float32", (12, c.width))]]
        for layout in heard:
            yield "audio", [*layout, *([spec] if spec else [])]


def _text_alone(c: Context) -> Iterator[tuple[str, list[InputSpec]]]:
    more = [named(c, name, []) for name in BESIDE]
    beside = [spec for spec in more if spec is not None and c.takes(spec.name)]
    for length in (c.length, 64, 128):
        rows = text.tokens(c, length=length)
        if beside:
            yield "text+features", [*rows, *beside]
        yield "text", rows
        yield "text", [spec for spec in rows if spec.role in ("tokens", "decoder_tokens")]
        if not c.takes("decoder_input_ids"):
            yield "text", [spec for spec in rows if spec.role in ("tokens", "attention_mask")]
    yield from _codebooks(c)
    if c.takes("decoder_input_ids"):  # some heads make the decoder's tokens themselves
        yield "text", [spec for spec in text.tokens(c) if spec.role in ("tokens", "attention_mask")]
    end = c.token(("sep_token_id", "eos_token_id"))
    if end is not None:
        # A pair of texts: some heads pool the state of the token that ends a row, or look for the end of a question.
        rows = [spec for spec in text.tokens(c) if spec.role in ("tokens", "attention_mask")]
        places = [(at, end) for at in (c.length // 2, c.length // 2 + 1, c.length - 1)]
        rows = [replace(spec, placed=tuple(places)) if spec.role == "tokens" else spec for spec in rows]
        yield "text", rows
        # Others look for it among the decoder's states, which are then as many as the tokens.
        yield "text", [*rows, *(replace(spec, shape=(c.length,)) for spec in text.decoder(c) if spec.role == "decoder_tokens")]
    # Several choices in a row.
    yield "text", [replace(spec, shape=(2, *spec.shape)) for spec in text.tokens(c) if spec.values is None and not spec.placed]


def _codebooks(c: Context) -> Iterator[tuple[str, list[InputSpec]]]:
    """Several code books at once."""
    books = c.value([c.config, c.text], "num_codebooks", "num_channels", "n_codebooks")
    if not integer(books) or not 1 < books < 64:
        return
    high = min(60, c.vocabulary)
    hidden = named(c, "encoder_hidden_states", []) if c.takes("encoder_hidden_states") else None
    if hidden is not None:
        yield "text+features", [InputSpec("input_ids", "codes", "int64", (books, c.length), 0, high, packed=True), hidden]
        yield "text+features", [InputSpec("input_ids", "codes", "int64", (c.length, books), 0, high), hidden]
    for count in (books, books + 1):
        specs = [InputSpec("input_ids", "codes", "int64", (c.length, count), 0, high)]
        if c.takes("decoder_input_ids"):
            specs.append(InputSpec("decoder_input_ids", "codes", "int64", (8, count), 0, high))
        yield "text", specs
    if c.takes("decoder_input_ids"):
        rows = [spec for spec in text.tokens(c) if spec.name != "decoder_input_ids"]
        yield "text", [*rows, InputSpec("decoder_input_ids", "codes", "int64", (8, books), 0, high)]
        yield "text", [*rows, InputSpec("decoder_input_ids", "codes", "int64", (books, 8), 0, high, packed=True)]
    yield "text", [InputSpec("input_ids", "codes", "int64", (books, c.length), 0, high, packed=True)]


def _encoder(c: Context, takes_text: bool) -> Iterator[tuple[str, list[InputSpec]]]:
    """Decoders and query transformers that attend to an encoder."""
    specs = [named(c, name, []) for name in ("query_embeds", "encoder_hidden_states") if c.takes(name)]
    given = [spec for spec in specs if spec is not None]
    if any(spec.name == "encoder_hidden_states" for spec in given):
        yield "features", given
        if takes_text:
            hidden = next(spec for spec in given if spec.name == "encoder_hidden_states")
            yield "text+features", [*text.tokens(c), hidden]
