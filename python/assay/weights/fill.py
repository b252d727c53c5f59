"""Fills a model's weights so that every part of it speaks (`CHECKS.md`, weights and inputs).

Each parameter is drawn by its name; how large depends on the kind of module it belongs to and on its rank, never on which
model it is. What linear layers, embeddings and convolutions get is fixed by the judge, which draws it again.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.utils import parametrizations, parametrize
from transformers.pytorch_utils import Conv1D

from assay.weights.generator import variates, words

SMALL = 0.2
"""How far a norm's weight or a learned scalar is moved from where the library puts it."""
BIAS = 0.1
ROUTER_BIAS = 0.3
"""Biases that no gradient trains move a choice among experts: of the size of the probabilities that they are added to."""
CODES = ("embed", "embed_avg", "embed_sum")
CODE = 0.5
"""Code books are of the size of what they quantise: with larger codes the shortest one is the nearest to everything."""
PROVEN = (torch.nn.Linear, torch.nn.Embedding, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d, Conv1D)
"""Types of module whose weights the judge draws again, whoever may train them."""


def fill(model: torch.nn.Module, nonce: int, initial: dict[str, torch.Tensor], drawn_as: dict[str, str] | None = None) -> None:
    """Fills parameters and running statistics in place. `initial` holds what the library initialised, by parameter name: what
    is only moved is moved from there, so that filling twice is filling once. What is named in `drawn_as` is drawn by the name given there:
    the one that it had before it was renamed."""
    drawn_as = drawn_as or {}
    modules = dict(model.named_modules())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.is_floating_point():
                continue
            owner, drawn = name.rpartition(".")[0], drawn_as.get(name, name)
            leaf = drawn.rpartition(".")[2]
            is_weight_norm = _is_weight_norm(modules[owner])
            is_weight = is_weight_norm or _is_norm(modules[owner]) or type(modules[owner]) in PROVEN or leaf.endswith("bias")
            if not (parameter.requires_grad or is_weight):
                continue  # a table that the architecture fixes (sinusoids), and computes again when it is loaded
            z = torch.from_numpy(variates(nonce, drawn, parameter.numel())).reshape(parameter.shape)
            if is_weight_norm:
                normed = modules[owner.rpartition(".parametrizations.")[0]]
                parameter.copy_(_weight_normed(normed, leaf, modules[owner].original1, z))
            else:
                parameter.copy_(_value(modules[owner], leaf, parameter, z, initial[name]))
        for name, buffer in model.named_buffers():
            _fill_buffer(modules, nonce, name, buffer, drawn_as.get(name, name))


def _fill_buffer(modules: dict[str, torch.nn.Module], nonce: int, name: str, buffer: torch.Tensor, drawn: str) -> None:
    """Fills a buffer that training would have filled: running statistics, code books, biases of routers, frozen norms."""
    owner, _, leaf = name.rpartition(".")
    if leaf in modules[owner]._non_persistent_buffers_set:
        return
    if leaf == "tid2eid":
        buffer.copy_(_experts_of_tokens(nonce, drawn, buffer, modules[owner].num_experts))
    if not buffer.is_floating_point():
        return
    if leaf == "running_mean" or leaf.endswith("bias"):
        buffer.copy_(BIAS * _drawn(nonce, drawn, buffer))
    elif leaf == "running_var" or (leaf == "weight" and _is_norm(modules[owner])):
        buffer.copy_((1 + SMALL * _drawn(nonce, drawn, buffer)).abs() + 0.05)
    elif buffer.ndim > 1 and leaf in CODES:
        buffer.copy_(CODE * _drawn(nonce, drawn, buffer))


def _experts_of_tokens(nonce: int, name: str, table: torch.Tensor, experts: int) -> torch.Tensor:
    """For each token the experts that it goes to, no expert twice: some that follow each other, from a drawn one on."""
    first = torch.from_numpy((words(nonce, name, table.shape[0]) >> np.uint64(32)).astype(np.int64))
    return (first[:, None] + torch.arange(table.shape[1])) % experts


def _drawn(nonce: int, name: str, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(variates(nonce, name, like.numel())).reshape(like.shape)


def _scaled(z: torch.Tensor, scale: float) -> torch.Tensor:
    # One rounding of the scale to float32, then one of the product: as the judge does it.
    return z * torch.from_numpy(np.array(scale, dtype=np.float32))


def _value(module: torch.nn.Module, leaf: str, parameter: torch.Tensor, z: torch.Tensor, initial: torch.Tensor) -> torch.Tensor:
    """The value of one parameter."""
    parametrized = "parametrizations" in type(module).__module__ or leaf.startswith("original")
    if isinstance(module, torch.nn.Embedding):
        return _scaled(z, 1.0)
    if _is_state(leaf):
        return initial + SMALL * z
    if leaf.endswith("bias") and not parameter.requires_grad and type(module) not in PROVEN:
        return _scaled(z, ROUTER_BIAS)
    if leaf == "bias" or (leaf.endswith("bias") and parameter.ndim <= 1):
        return _scaled(z, BIAS)
    if parametrized or _is_norm(module) or parameter.ndim <= 1 or "scale" in leaf:
        return initial + SMALL * z * (initial.abs().mean() if parametrized else 1.0)
    return _scaled(z, 1.0 / math.sqrt(_fan_in(module, leaf, parameter)))


def _is_weight_norm(module: torch.nn.Module) -> bool:
    is_list = isinstance(module, parametrize.ParametrizationList)
    return is_list and len(module) == 1 and type(module[0]) is parametrizations._WeightNorm


def _weight_normed(module: torch.nn.Module, leaf: str, direction: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """The magnitude (`original0`) or the direction (`original1`) of a weight norm. The direction is drawn as a weight without a norm
    is, the magnitude around the norm that this gives it: the weight keeps its size, and with it the signal."""
    fan_in = _fan_in(module, "weight", direction)
    if leaf == "original1":
        return _scaled(z, 1.0 / math.sqrt(fan_in))
    norm = math.sqrt(direction.numel() / z.numel() / fan_in)
    return norm + _scaled(z, SMALL * norm)


def _fan_in(module: torch.nn.Module, leaf: str, parameter: torch.Tensor) -> int:
    """How many products a sum over this weight adds up."""
    if isinstance(module, Conv1D):
        return parameter.shape[0]
    if isinstance(module, torch.nn.modules.conv._ConvTransposeNd):
        kernel, stride = math.prod(module.kernel_size), math.prod(module.stride)
        return max(1, parameter.shape[0] // module.groups * kernel // stride)
    if isinstance(module, torch.nn.modules.conv._ConvNd):
        return parameter.numel() // parameter.shape[0]
    if "embed" in leaf or "position" in leaf or "token" in leaf:
        return 1  # tables of positions, class and mask tokens: of the size of an embedding
    if parameter.ndim == 3 and parameter.shape[0] > 1:
        return parameter.shape[-1]  # stacked experts: (expert, out, in)
    return max(1, parameter.numel() // parameter.shape[0])


def _is_norm(module: torch.nn.Module) -> bool:
    return "norm" in type(module).__name__.lower()


def _is_state(leaf: str) -> bool:
    """Decays and steps of state-space layers: their sign and size are what keeps the recurrence stable."""
    return leaf in ("A_log", "D", "dt_bias", "A", "dt_proj_weight", "time_decay", "time_first")
