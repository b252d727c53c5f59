"""Instructions that a processor says it has and then refuses."""

from __future__ import annotations

import contextlib
import os
import resource
import signal

VARIABLE = "ONEDNN_MAX_CPU_ISA"
WITHOUT_AMX = "AVX512_CORE_FP16"
"""The most that oneDNN may use short of matrix tiles."""


def hold_back() -> None:
    """Keeps oneDNN from the matrix tiles (AMX) of a processor that kills who uses them: some virtual machines announce them and raise
    SIGILL, and every model in half precision would crash. To be called before the first multiplication."""
    if VARIABLE not in os.environ and _announces_tiles() and _kills():
        os.environ[VARIABLE] = WITHOUT_AMX


def _announces_tiles() -> bool:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        return any(line.startswith("flags") and "amx_tile" in line for line in lines)
    return False


def _kills() -> bool:
    """Whether a product in bfloat16 ends in SIGILL, tried in a child."""
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            import torch

            torch.nn.functional.linear(torch.ones(14, 64, dtype=torch.bfloat16), torch.ones(64, 64, dtype=torch.bfloat16))
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGILL
