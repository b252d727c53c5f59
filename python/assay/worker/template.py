"""The template process: imports what is slow once, then forks a child per unit of work.

A fork of a warm process costs about 10 ms where a fresh start costs about 9 s of imports. It is only safe while this
process has a single thread, so every library that starts threads at import is told not to by the environment that the
runner sets (`OMP_NUM_THREADS=1`, …), and the claim is checked before each fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import sys
import time
import traceback
from typing import NoReturn

from assay.worker import framing, instructions, safety

PRELOADS = "ASSAY_PRELOADS"
PLATFORMS = "ASSAY_PLATFORMS"
SHARED = (
    "timm",
    "transformers.conversion_mapping",
    "transformers.generation.utils",
    "transformers.masking_utils",
    "transformers.modeling_layers",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.processing_auto",
    "transformers.processing_utils",
)
"""What the sources of most models import, where it is installed: 55 ms of a small unit's 130 ms of imports, and half a second for
timm."""


def serve() -> int:
    """Serves fork requests on the control socket until the runner closes it."""
    safety.die_with_parent()
    control = _take_standard_input()
    began = time.monotonic()
    failure = _import_all()
    if failure is not None:
        framing.send(control, {"failed": {"detail": failure}})
        return 1
    gc.collect()
    gc.freeze()  # so that no collection in a child writes to, and thereby copies, the shared pages
    ready = {"protocol": framing.PROTOCOL_VERSION, "import_seconds": time.monotonic() - began}
    framing.send(control, {"ready": ready})
    while True:
        request, descriptors = framing.receive_with_descriptors(control, 2)
        if request is None:
            return 0
        ticket = request["fork"]["ticket"]
        reason = safety.reason_not_to_fork()
        if reason is None:
            pid = _fork_twice(control, *descriptors)
            framing.send(control, {"forked": {"ticket": ticket, "pid": pid}})
        else:
            framing.send(control, {"unsafe": {"ticket": ticket, "reason": reason}})
        for descriptor in descriptors:
            os.close(descriptor)


def once() -> int:
    """One child in a process of its own, for what can't be forked; its socket is its standard input."""
    os.setsid()
    connection = _take_standard_input()
    failure = _import_all()
    from assay.worker import child

    status = child.live(connection, failure)
    sys.stdout.flush()
    sys.stderr.flush()
    # As a forked child leaves: taking torch down takes a second and does nothing for anybody.
    os._exit(status)


def _take_standard_input() -> socket.socket:
    """The socket that the runner passed as standard input, which is empty from now on."""
    connection = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return connection


def _import_all() -> str | None:
    """Imports the libraries and runs the preloads; what went wrong, or `None`.

    Preloads run after torch and transformers themselves are there and before any model is, so that they can patch both.
    The worker's own modules come before them: what a preload puts in the place of a library must not reach the observer.
    """
    try:
        import torch
        import transformers.modeling_utils

        package = sys.modules["transformers"]
        for name in SHARED:
            with contextlib.suppress(Exception):  # an economy: whoever needs it meets the exception
                importlib.import_module(name)
            # `processing_utils` loads the package once more, under the same name: preloads would patch a copy that no child uses, and
            # so would the worker's own modules get one, if they came first.
            sys.modules["transformers"] = package
        import assay.checks
        import assay.subjects  # noqa: F401

        sys.modules["transformers"] = package
        with contextlib.suppress(Exception):  # likewise: 893 patterns, compiled by the first model that is saved, 150 ms
            transformers.conversion_mapping.get_checkpoint_conversion_mapping("bert")
        torch.set_num_threads(1)
        instructions.hold_back()
        for name in json.loads(os.environ.pop(PLATFORMS, "[]")):
            _import_platform(name)
    except BaseException as exception:  # even SystemExit: the runner must hear of it
        return f"{type(exception).__name__} while importing torch and transformers: {exception}"
    for path in json.loads(os.environ.pop(PRELOADS, "[]")):
        try:
            runpy.run_path(path, run_name="assay_preload")
        except BaseException as exception:
            frames = [frame for frame in traceback.extract_tb(exception.__traceback__) if frame.filename == path]
            place = f"{path}:{frames[-1].lineno}" if frames else path
            return f"the preload {place} raised {type(exception).__name__}: {exception}"
    return None


def _import_platform(name: str) -> None:
    """What a platform needs, where it is installed: whoever needs it meets the exception."""
    from assay import platforms

    with contextlib.suppress(Exception):
        platforms.kind_of(name).warm()


def _fork_twice(control: socket.socket, connection: int, output: int) -> int:
    """Forks a child whose parent is the runner: the process in between leaves at once, and the runner is the subreaper."""
    read_end, write_end = os.pipe()
    between = os.fork()
    if between == 0:
        pid = os.fork()
        if pid != 0:
            os.write(write_end, str(pid).encode())
            os._exit(0)
        os.close(read_end)
        os.close(write_end)
        _become_child(control, connection, output)
    os.close(write_end)
    answer = b""
    while part := os.read(read_end, 32):
        answer += part
    os.close(read_end)
    os.waitpid(between, 0)
    return int(answer)


def _become_child(control: socket.socket, connection: int, output: int) -> NoReturn:
    status = 70
    try:
        control.close()
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        from assay.worker import child

        # After a fork torch makes its pool of threads anew when it is next asked for, under no lock: where autograd keeps a thread for
        # each device (once anything of `torch.export` is imported it does), two of them meet there, and one aborts the process.
        sys.modules["torch"].set_num_threads(1)
        status = child.live(socket.socket(fileno=connection), None)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)
