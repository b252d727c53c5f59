"""Exceptions as facts."""

from __future__ import annotations

import importlib.util
import os
import re
import traceback
from typing import Any

MAX_MESSAGE = 2000
MAX_FRAMES = 5


class NotAModel(Exception):
    """What can't be tested by itself: its message says why, and of what it is a part."""


class Unavailable(Exception):
    """This machine lacks a platform: `kind` is one of those of `Lacking` in `observation.rs`, `mend` the command that helps, if there is
    one."""

    def __init__(self, kind: str, words: str, mend: str | None = None) -> None:
        super().__init__(words)
        self.kind, self.words, self.mend = kind, words, mend


class StageFailed(Exception):
    """A platform raised `original` in one of its stages."""

    def __init__(self, stage: str, original: BaseException) -> None:
        super().__init__(stage)
        self.stage, self.original = stage, original


def describe(exception: BaseException, origin: str) -> dict[str, Any]:
    """The `Raised` of `observation.rs`: class, message, innermost frames. `origin` is `subject` or `worker`."""
    if isinstance(exception, StageFailed):
        return describe(exception.original, origin) | {"stage": exception.stage}
    kind = type(exception)
    module = kind.__module__
    return {
        "exception": kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}",
        "message": _text(exception)[:MAX_MESSAGE],
        "frames": [_frame(frame) for frame in traceback.extract_tb(exception.__traceback__)[-MAX_FRAMES:]],
        "origin": origin,
        "out_of_memory": _is_out_of_memory(exception),
        "missing_package": _missing_package(exception),
        "not_a_model": str(exception) if isinstance(exception, NotAModel) else None,
        "unavailable": {name: getattr(exception, name) for name in ("kind", "words", "mend")}
        if isinstance(exception, Unavailable)
        else None,
    }


def _text(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception as error:
        return f"(its message can't be told: {type(error).__name__})"


def _frame(frame: traceback.FrameSummary) -> str:
    # The last three parts name the file; the rest is where this machine keeps it.
    name = "/".join(frame.filename.split(os.sep)[-3:])
    return f"{name}:{frame.lineno} in {frame.name}"


def _is_out_of_memory(exception: BaseException) -> bool:
    # torch's allocator on the processor raises a plain RuntimeError; these are its words.
    text = _text(exception)
    return (
        isinstance(exception, MemoryError)
        or type(exception).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in text
        or "Cannot allocate memory" in text
        or "not enough memory" in text
        # onnxruntime's arena, and C++.
        or "Failed to allocate memory" in text
        or "bad_alloc" in text
        or "bad allocation" in text
    )


def _missing_package(exception: BaseException) -> str | None:
    """The package that an `ImportError` misses: by its own name, or in the words of transformers' `requires_backends`."""
    if not isinstance(exception, ImportError):
        return None
    if isinstance(exception, ModuleNotFoundError) and exception.name:
        # A part of a package that is there is a bug of who asks for it, not a missing package.
        root = exception.name.split(".")[0]
        return None if importlib.util.find_spec(root) else root
    match = re.search(r"requires (?:the )?`?([\w.-]+)`? (?:library|package)?", _text(exception))
    return match.group(1) if match else None
