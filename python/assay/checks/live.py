"""Live bytes of this process: what was asked of the C library's allocator and not given back, tensors that only C++ holds included."""

from __future__ import annotations

import ctypes
import gc
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import torch

CACHED = [size for size in range(24, 1033, 16) for _ in range(7)]
"""What glibc keeps of freed blocks for a thread and counts as live: up to seven of each size (`TCACHE_FILL_COUNT`, `malloc/malloc.c`)."""

LARGEST, LEAST, PIECES = 1 << 30, 1 << 17, 1 << 12
"""Bytes of the pieces of free memory that are taken, and how many: what is left takes no tensor that counts."""


class _Statistics(ctypes.Structure):
    """`struct mallinfo2` of `malloc.h`."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    ]


def _library() -> ctypes.CDLL | None:
    """The C library, if it says what it has handed out (glibc since 2.33)."""
    try:
        library = ctypes.CDLL(None)
        library.mallinfo2.restype = _Statistics
    except (OSError, AttributeError, TypeError):
        return None
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes, library.free.restype = [ctypes.c_void_p], None
    return library


LIBRARY = _library()


def live_bytes() -> int:
    """Bytes in use after a collection; where the C library does not say, those of the tensors that Python knows."""
    gc.collect()
    if LIBRARY is None:
        return _of_tensors()
    # Filled to the brim, the allocator's cache weighs the same each time.
    for block in [LIBRARY.malloc(size) for size in CACHED]:
        LIBRARY.free(block)
    said = LIBRARY.mallinfo2()
    return said.uordblks + said.hblkhd


@contextmanager
def limited(spare: int) -> Iterator[None]:
    """Within it the process can have only so many bytes more than it has (`RLIMIT_DATA`: private writable mappings). Large pieces that the
    C library's allocator has of what was freed are taken first: it would hand them out again under any limit."""
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    taken = (ctypes.c_void_p * PIECES)()  # made before: a list would grow while there is nothing to grow into
    count, size = 0, LARGEST
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + LEAST, hard))
        while LIBRARY and count < PIECES and size >= LEAST:
            taken[count] = LIBRARY.malloc(size)
            if taken[count]:
                count += 1
            else:
                size //= 2
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))
        resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + spare, hard))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))
        for place in range(count):
            LIBRARY.free(taken[place])


def _data_bytes() -> int:
    """What the limit counts."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))


@contextmanager
def without_onednn() -> Iterator[None]:
    """Within it torch computes without oneDNN, which keeps code for each new shape, of up to a thousand, and where it once can't have the
    memory for it never again can (torch 2.15)."""
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.set_flags(_enabled=False, _fp32_precision=None)
    try:
        yield
    finally:
        torch.backends.mkldnn.set_flags(_enabled=before, _fp32_precision=None)


def _of_tensors() -> int:
    storages = [tensor.untyped_storage() for tensor in gc.get_objects() if issubclass(type(tensor), torch.Tensor)]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
