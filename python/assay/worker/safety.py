"""Whether this process may be forked, and what a process shares with its parent."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
"""`prctl(2)`: the signal that a process gets when its parent dies."""

DEVICE_FILES = ("/dev/nvidia", "/dev/kfd", "/dev/dri", "/dev/accel")
"""Device files of accelerators: a driver's state doesn't survive a fork."""


def reason_not_to_fork() -> str | None:
    """Why a fork would be unsafe, or `None`. A second thread could hold a lock that the child would wait for, for ever."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        return f"{threads} threads are running"
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
        if target.startswith(DEVICE_FILES):
            return f"{target} is open"
    return None


def die_with_parent() -> None:
    """Asks the kernel to kill this process when its parent dies."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def private_bytes() -> int:
    """Memory in bytes that this process does not share: what it has written to since the fork, and its own files."""
    private = 0
    with open("/proc/self/smaps_rollup", encoding="ascii") as lines:
        for line in lines:
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                private += int(line.split()[1]) * 1024
    return private
