"""Platforms that load a model from a folder and place its parts as they do."""

from __future__ import annotations

import copy
import tempfile
from typing import Any

import torch

from assay.checks import oracle
from assay.platforms.base import Backend, Tensors, types_of
from assay.raised import Unavailable


class Placed(Backend):
    """A model of transformers, saved, and loaded in another way."""

    stages = ("save", "load", "run")

    def __init__(self, device: str | None, dtype: str = "float32") -> None:
        super().__init__(device, dtype)
        self.source: Any = None
        self.folder = ""
        self.model: Any = None

    def prepare(self, model: torch.nn.Module, inputs: Tensors) -> None:
        from transformers import PreTrainedModel

        if not isinstance(model, PreTrainedModel):
            raise Unavailable("model_unsupported", f"{type(model).__name__} is no `PreTrainedModel`, which alone is loaded in parts")
        self.source = copy.deepcopy(model)
        oracle.clear_caches(self.source)
        self.folder = tempfile.mkdtemp()
        self.source.save_pretrained(self.folder)

    def loaded(self, **options: Any) -> torch.nn.Module:
        """It from its folder."""
        asked = {"local_files_only": True, "dtype": torch.float32, "attn_implementation": self.source.config._attn_implementation}
        return type(self.source).from_pretrained(self.folder, **asked, **options).eval()

    def numbers(self) -> dict[str, str]:
        return types_of(self.model.named_parameters())

    def forward(self, inputs: Tensors) -> Any:
        """One forward of what was loaded."""
        from assay import subjects

        with torch.no_grad():
            return subjects.call(self.model, {name: its.clone() for name, its in inputs.items()})
