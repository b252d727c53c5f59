"""Exports that were made before: of the same weights, configuration and inputs, by the same sources. What is tested goes through its file
either way, so that no verdict depends on whether one was kept."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import time
from typing import Any

import torch

FOLDER = "ASSAY_EXPORTS"
"""Environment variable: where exports are kept (`protocol.rs`). Unset where a preload may change what is exported."""
PROOF = "kept.json"
"""Names the files of an export with their digests: a folder that a power cut left half written is none."""
MOST_BYTES = 4 << 30
"""Of all exports together; those that were not asked for longest go first."""
IN_USE = 900
"""Seconds for which an export may still be read after it was asked for."""


def key(model: torch.nn.Module, fed: dict[str, Any], how: str, packages: tuple[str, ...]) -> str:
    """What tells an export from all others: the model's class, configuration, weights and buffers, the inputs that it is traced with, how
    it is made, and the sources that make it."""
    digest = hashlib.sha256(f"{type(model).__module__}.{type(model).__qualname__} {how} {sources(packages)} {torch.__version__}".encode())
    config = getattr(model, "config", None)
    if config is not None:
        digest.update(config.to_json_string(use_diff=False).encode())
        digest.update(str(getattr(config, "_attn_implementation", None)).encode())
    tensors = {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers(remove_duplicate=False))}
    for name, tensor in tensors.items():
        _add(digest, name, tensor)
    # What a module keeps beside them.
    for name, module in model.named_modules():
        own = {key: value for key, value in vars(module).items() if isinstance(value, (bool, int, float, str, torch.Tensor))}
        _add(digest, f"{name} {type(module).__qualname__}", own)
    _add(digest, "fed", fed)
    return digest.hexdigest()


def _add(digest: Any, name: str, value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _add(digest, f"{name}.{key}", item)
    elif isinstance(value, (list, tuple)):
        digest.update(f"{name}: {len(value)} of a {type(value).__name__};".encode())
        for index, item in enumerate(value):
            _add(digest, f"{name}.{index}", item)
    elif isinstance(value, torch.Tensor):
        digest.update(f"{name}:{value.dtype}:{tuple(value.shape)};".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    else:
        digest.update(f"{name}={value!r};".encode())


@functools.cache
def sources(packages: tuple[str, ...]) -> str:
    """A digest of Python's version, of all versions that are installed, and of the files of these packages by size and time of the last
    change, as Python decides whether to compile one anew. A version says nothing of a library that is being worked on."""
    installed = sorted(f"{each.name} {each.version}" for each in importlib.metadata.distributions())
    digest = hashlib.sha256(f"{sys.version} {installed}".encode())
    for package in packages:
        spec = importlib.util.find_spec(package)
        for root in sorted((spec and spec.submodule_search_locations) or []):
            for folder, folders, files in os.walk(root):
                folders.sort()
                for file in sorted(file for file in files if file.endswith(".py")):
                    path = os.path.join(folder, file)
                    found = os.stat(path)
                    digest.update(f"{path} {found.st_size} {found.st_mtime_ns};".encode())
    return digest.hexdigest()


def find(key: str) -> str | None:
    """The folder of a kept export."""
    root = os.environ.get(FOLDER)
    if not root:
        return None
    folder = os.path.join(root, key)
    try:
        with open(os.path.join(folder, PROOF), encoding="utf-8") as file:
            proof = json.load(file)
        if not proof or proof != _digests(folder):
            raise ValueError("another content")
    except OSError:
        return None
    except (ValueError, RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    with contextlib.suppress(OSError):  # what can only be read can be used as well
        os.utime(folder)
    return folder


def keep(key: str, folder: str) -> None:
    """Keeps a copy of an export. Where that can't be done nothing is lost."""
    root = os.environ.get(FOLDER)
    if not root:
        return
    new = None
    try:
        os.makedirs(root, exist_ok=True)
        new = tempfile.mkdtemp(dir=root)
        shutil.copytree(folder, new, dirs_exist_ok=True)
        with open(os.path.join(new, PROOF), "w", encoding="utf-8") as file:
            json.dump(_digests(folder), file)
        os.rename(new, os.path.join(root, key))
        _make_room(root)
    except OSError:  # no place, no right, or another process was faster
        if new is not None:
            shutil.rmtree(new, ignore_errors=True)


def _digests(folder: str) -> dict[str, str]:
    digests = {}
    for name in sorted(os.listdir(folder)):
        if name != PROOF:
            with open(os.path.join(folder, name), "rb") as file:
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def _make_room(root: str) -> None:
    kept = []
    for entry in os.scandir(root):
        with contextlib.suppress(OSError):  # another process makes room, too
            size = sum(file.stat().st_size for file in os.scandir(entry.path))
            kept.append((entry.stat().st_mtime, size, entry.path))
    total = sum(size for _, size, _ in kept)
    for asked, size, path in sorted(kept):
        if total <= MOST_BYTES or asked > time.time() - IN_USE:
            break
        shutil.rmtree(path, ignore_errors=True)
        total -= size
