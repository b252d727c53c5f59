"""What the library draws while it builds a model, drawn again by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch
from transformers import PreTrainedModel

from assay.weights.fill import PROVEN


def redraw(model: torch.nn.Module) -> None:
    """Lets the library initialise once more, in place, each module in which it draws what `fill` then moves a little or leaves: class
    embeddings, steps of state-space layers, random features. Its generator is put into a state that follows from the module's name: so
    what it draws does not depend on what was built before."""
    initialisers: dict[str, Callable[[torch.nn.Module], object] | None] = {}
    modules = dict(model.named_modules())
    drawn: set[str] = set()
    for name, module in modules.items():
        above = initialisers.get(name.rpartition(".")[0])
        initialisers[name] = module._init_weights if isinstance(module, PreTrainedModel) else above
        if type(module) not in PROVEN and _may_be_drawn(module):
            # And all that it is a part of, which may see to its parts.
            parts = name.split(".")
            drawn |= {".".join(parts[:count]) for count in range(len(parts) + 1)}
    with torch.no_grad():
        # Parts before the whole, as the library does it.
        for name, module in reversed(modules.items()):
            initialise = initialisers[name]
            if initialise is not None and name in drawn:
                digest = hashlib.sha256(f"assay.redraw/{name}".encode()).digest()
                torch.default_generator.manual_seed(int.from_bytes(digest[:8], "little") >> 1)
                initialise(module)


def _may_be_drawn(module: torch.nn.Module) -> bool:
    """Whether values of one of its own tensors differ; of a single value nobody can say."""
    buffers = [buffer for name, buffer in module._buffers.items() if name not in module._non_persistent_buffers_set]
    own = [tensor for tensor in [*module._parameters.values(), *buffers] if tensor is not None]
    return any(tensor.is_floating_point() and (tensor.numel() == 1 or bool((tensor != tensor.flatten()[:1]).any())) for tensor in own)
