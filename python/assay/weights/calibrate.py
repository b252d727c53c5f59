"""Running statistics as training leaves them.

A batch norm divides by what it saw in training. With drawn statistics it doesn't: behind a ReLU each convolution halves the signal, and
after thirty of them a tiny convolutional net gives out its biases, whatever it is fed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from assay.weights.generator import variates

SPREAD = 0.2
"""How far each channel's statistics are moved from what was seen: a norm that leaves them out must show."""


def calibrate(model: torch.nn.Module, nonce: int, forward: Callable[[], object], drawn_as: dict[str, str] | None = None) -> None:
    """Sets the running statistics of every norm to those of what it sees first during `forward`: the mean of each channel, and one variance
    for all channels, so that a channel without a signal is not blown up. `drawn_as` as in `fill`."""
    norms = {name: module for name, module in model.named_modules() if _has_statistics(module)}
    if not norms:
        return
    seen: set[str] = set()

    def measure(module: torch.nn.Module, arguments: tuple, name: str) -> None:
        if name not in seen and arguments and _fits(module, arguments[0]):
            seen.add(name)
            _set_statistics(module, arguments[0].detach(), nonce, name, drawn_as or {})

    handles = [module.register_forward_pre_hook(lambda *call, name=name: measure(*call, name)) for name, module in norms.items()]
    try:
        forward()
    finally:
        for handle in handles:
            handle.remove()


def _has_statistics(module: torch.nn.Module) -> bool:
    return all(isinstance(module._buffers.get(name), torch.Tensor) for name in ("running_mean", "running_var"))


def _fits(module: torch.nn.Module, seen: object) -> bool:
    return isinstance(seen, torch.Tensor) and seen.ndim > 1 and seen.shape[1] == module.running_mean.numel()


def _set_statistics(module: torch.nn.Module, seen: torch.Tensor, nonce: int, name: str, drawn_as: dict[str, str]) -> None:
    channels = seen.transpose(0, 1).reshape(seen.shape[1], -1).float()
    mean, variance = channels.mean(1), channels.var(1, correction=0).mean()
    if not (mean.isfinite().all() and variance.isfinite() and variance > 0):
        return
    size = mean.numel()
    names = [f"{name}.{leaf}" for leaf in ("running_mean", "running_var")]
    z_mean, z_variance = (torch.from_numpy(variates(nonce, drawn_as.get(whole, whole), size)) for whole in names)
    moved_mean = mean + SPREAD * variance.sqrt() * z_mean
    moved_variance = variance * (1 + SPREAD * z_variance).abs().clamp(min=0.1)
    module.running_mean.copy_(moved_mean.reshape(module.running_mean.shape))
    module.running_var.copy_(moved_variance.reshape(module.running_var.shape))
