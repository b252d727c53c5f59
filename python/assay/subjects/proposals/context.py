"""What proposals are made from: a model, its signature, and what its configuration says of each modality."""

from __future__ import annotations

import inspect
import re
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch

from assay.subjects import overrides, sessions, tree
from assay.subjects.shrinking.editing import first, integer
from assay.subjects.specs import InputSpec

TEXT = re.compile(r"text|llm|language|decoder_config|thinker")
VISION = re.compile(r"vision|visual|image|vit|backbone|video")
AUDIO = re.compile(r"audio|speech|acoustic|encoder_config|sound")
CONDITION = re.compile(r"_cond$")
PIXELS = re.compile(r"^pixel_|^image_|^mm_token_type_ids$")
TOKENS = 12
DECODER_TOKENS = 8
IMAGE = 64
"""Side of an image where the configuration names none."""


GENERIC = "transformers.modeling_layers"
"""Where the library keeps heads that fit many models."""


class Context:
    """A model and its configuration, as proposals ask about them."""

    def __init__(self, model: torch.nn.Module, config: Any, architecture: str = "") -> None:
        self.model = model
        self.config = config
        self.architecture = architecture
        self.nodes = [node for _, node in tree.nodes(config)]
        self.arguments = _arguments(model)
        self.session = sessions.session_class(model)
        main = getattr(model, "main_input_name", None)
        self.main: str | None = first(main)

    def takes(self, name: str) -> bool:
        """Whether `forward` has an argument of this name."""
        return name in self.arguments

    @cached_property
    def required(self) -> list[str]:
        """Arguments of `forward` without a default."""
        kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        return [name for name, row in self.arguments.items() if row.default is row.empty and row.kind not in kinds]

    def value(self, nodes: list[Any], *names: str, default: Any = None) -> Any:
        """The first value that any of these fields has in any of these nodes; the fields are asked in order."""
        for name in names:
            for node in nodes:
                try:
                    value = getattr(node, name, None)
                except Exception:  # what differs by layer can't be read here
                    value = None
                if value is not None and not isinstance(value, dict):
                    return value
        return default

    def part(self, pattern: re.Pattern[str]) -> Any | None:
        """The first configuration below one whose field name says that it is this part."""
        for node in self.nodes:
            for name, child in tree.children(node):
                if pattern.search(name):
                    return child
        return None

    @cached_property
    def text(self) -> Any:
        """The configuration of the text part; a text model is its own."""
        return self.part(TEXT) or self.config

    @cached_property
    def vision(self) -> Any:
        """The configuration that knows images."""
        wanted = ("patch_size", "image_size", "patch_sizes")
        parts = [child for node in self.nodes for name, child in tree.children(node) if VISION.search(name)]
        return next((part for part in [*parts, self.config] if any(hasattr(part, name) for name in wanted)), self.config)

    @cached_property
    def audio(self) -> Any:
        """The configuration that knows sound."""
        return self.part(AUDIO) or self.config

    @cached_property
    def vocabulary(self) -> int:
        """Number of tokens that the text part knows: by its configuration, or by its table if that is smaller."""
        known = first(self.value([self.text, self.config, *self.nodes], "vocab_size", "src_vocab_size", "text_vocab_size", default=128))
        known = known if integer(known) and known > 0 else 100
        try:
            table = self.model.get_input_embeddings()
            entries = getattr(table, "num_embeddings", None) or (table.weight.shape[0] if table.weight.ndim == 2 else None)
        except Exception:  # many models have no such table, and say so in many ways
            entries = None
        return min(entries, known) if integer(entries) else known

    @cached_property
    def tokens(self) -> tuple[int, int]:
        """A range of ids without the special ones."""
        return self.token_range(self.vocabulary)

    def token_range(self, entries: int) -> tuple[int, int]:
        """The same for a vocabulary of another size: the longest range between two special ones."""
        special = {
            value
            for node in self.nodes
            for name, value in vars(node).items()
            if name.endswith(("token_id", "token_index")) and integer(value) and 0 <= value < entries
        }
        ends = [0, *sorted(special), entries]
        low, high = max(((low + 1, high) for low, high in pairwise(ends)), key=lambda ends: ends[1] - ends[0])
        return (low, high) if low < high else (0, entries)

    @cached_property
    def separators(self) -> list[int]:
        """Tokens by which the modelling code itself cuts a text into phrases (Grounding DINO)."""
        return getattr(inspect.getmodule(type(self.model)), "SPECIAL_TOKENS", [])

    @cached_property
    def length(self) -> int:
        """Tokens in a row."""
        sparse = any(vars(node).get("attention_type") == "block_sparse" for node in self.nodes)
        return 64 if sparse else TOKENS

    @cached_property
    def width(self) -> int:
        """Width of the text part's stream."""
        width = first(self.value([self.text, self.config], "hidden_size", "d_model", "n_embd", "embed_dim", default=64))
        return width if integer(width) else 64

    @cached_property
    def channels(self) -> int:
        """Colours of an image."""
        channels = first(self.value([self.vision, self.config], "num_channels", "in_channels", "in_chans", default=3))
        return channels if integer(channels) and channels <= 16 else 3

    @cached_property
    def patch(self) -> int:
        """Side of a patch."""
        patch = first(self.value([self.vision, self.config], "patch_size", "patch_sizes", default=16))
        return patch if integer(patch) else 16

    @cached_property
    def image(self) -> tuple[int, int]:
        """Height and width of an image."""
        names = ("image_size", "img_size", "input_image_size", "pretrain_image_size", "resolution")
        size = self.value([self.vision, self.config], *names)
        sides = size if isinstance(size, (list, tuple)) and len(size) == 2 else (first(size), first(size))
        return (sides[0], sides[1]) if all(map(integer, sides)) else (IMAGE, IMAGE)

    @cached_property
    def merge(self) -> int:
        """How many patches along a side become one feature."""
        merge = first(self.value([self.vision, self.config], "spatial_merge_size", "merge_kernel_size", "merge_size", default=2))
        return merge if integer(merge) and merge > 0 else 2

    @cached_property
    def temporal(self) -> int:
        """Frames of a patch."""
        frames = first(self.value([self.vision, self.config], "temporal_patch_size", "tubelet_size", default=1))
        return frames if integer(frames) and frames > 0 else 1

    @cached_property
    def mel(self) -> int:
        """Bins of a mel spectrogram."""
        names = (
            "num_chroma",
            "num_mel_bins",
            "n_mels",
            "n_mel_bins",
            "input_feat_per_channel",
            "feature_size",
            "input_feat_size",
            "mel_bins",
            "input_dim",
            "feature_projection_input_dim",
        )
        bins = self.value([self.audio, self.config, *self.nodes], *names, default=80)
        return bins if integer(bins) else 80

    def method(self, name: str) -> Any | None:
        """A method of the model, of the one that it wraps, or of one of its parts. One that hands on whatever it gets (`*args`) says less
        than the one that it hands it to."""
        body = getattr(self.model, "base_model", self.model)
        owners = (self.model, body, *self.model.children(), *body.children())
        found = [getattr(owner, name) for owner in owners if hasattr(owner, name)]
        return next((method for method in found if "args" not in inspect.signature(method).parameters), next(iter(found), None))

    def own(self, name: str) -> list[list[InputSpec]]:
        """The layout of an argument that stands in `overrides.json`, if there is one."""
        specs = overrides.inputs(self.architecture)
        return [specs] if any(spec.name == name for spec in specs) else []

    def token(self, names: tuple[str, ...]) -> int | None:
        """A special token by the names of its fields."""
        for name in names:
            for node in self.nodes:
                value = vars(node).get(name)
                if integer(value) and value >= 0:
                    return value
        return None


def _arguments(model: torch.nn.Module) -> dict[str, inspect.Parameter]:
    """The arguments of `forward`; with the pixels of an encoder that it hands its keywords to, and what all
    its layers want to be told."""
    own = dict(inspect.signature(model.forward).parameters)
    body = getattr(model, "base_model", model)
    encoder = getattr(body, "encoder", None)
    if "input_ids" in own and "kwargs" in own and hasattr(encoder, "get_image_features"):
        handed = inspect.signature(encoder.forward).parameters
        own |= {name: row for name, row in handed.items() if PIXELS.search(name) and name not in own}
    # A head of the library's own kind (`GenericForTokenClassification`) hands its base model whatever it doesn't know.
    if "kwargs" in own and type(model).forward.__module__ == GENERIC and body is not model:
        own |= {name: row for name, row in inspect.signature(body.forward).parameters.items() if name not in own}
    layers = getattr(model, "layers", None)
    if "kwargs" in own and isinstance(layers, torch.nn.ModuleList) and len(layers):
        handed = inspect.signature(layers[0].forward).parameters
        own |= {name: row.replace(default=row.empty) for name, row in handed.items() if CONDITION.search(name) and name not in own}
    return own
