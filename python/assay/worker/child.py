"""One child: takes one job from its socket, does it, and leaves."""

from __future__ import annotations

import os
import resource
import socket
import tempfile
from typing import Any

from assay.worker import framing, safety
from assay.worker.reporter import Reporter


def live(connection: socket.socket, failure: str | None) -> int:
    """The whole life of a child; its exit status. `failure` is what went wrong before it came to be."""
    os.set_inheritable(connection.fileno(), False)
    private = safety.private_bytes()
    framing.send(connection, {"hello": {"protocol": framing.PROTOCOL_VERSION}})
    message = framing.receive(connection)
    if message is None:
        return 0
    safety.die_with_parent()  # only now: its parent is the runner since the process in between is gone
    if failure is not None:
        print(failure, flush=True)
        return 1
    _do(message["start"], Reporter(connection))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    finished = {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_memory_bytes": max(0, _peak_bytes() - private),
    }
    framing.send(connection, {"finished": finished})
    return 0


def _do(job: dict[str, Any], reporter: Reporter) -> None:
    # Imported here, so that what a preload put in place of a library is met in a child and costs only that child.
    import random

    from assay import catalog, checks, platforms, subjects

    random.seed(0)
    match job["kind"]:
        case "discover":
            reporter.discovered(catalog.discover(), catalog.workflows(), checks.observers(), checks.registered())
        case "probe":
            reporter.probed(subjects.probe(job["subject"], job["platform"], job["seed"]))
        case "detect":
            reporter.detected(platforms.detect(job["platform"]))
        case "check":
            # Where libraries put what they make: it goes with the unit. The template may have asked for the old place.
            os.environ["TMPDIR"] = tempfile.tempdir = job["scratch"]
            # Beside it is what units share: a compiler that was tried once, and kernels. It goes with the run.
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(os.path.dirname(job["scratch"]), "inductor")
            os.chdir(job["scratch"])
            checks.run(job, reporter)
        case other:
            raise ValueError(f"unknown job {other!r}")


def _peak_bytes() -> int:
    """Peak of the private pages: approximated by what is private now or the peak of the resident set above the shared part."""
    with open("/proc/self/status", encoding="ascii") as lines:
        fields = dict(line.split(":", 1) for line in lines)
    resident = int(fields["VmRSS"].split()[0]) * 1024
    peak = int(fields["VmHWM"].split()[0]) * 1024
    return safety.private_bytes() + max(0, peak - resident)
