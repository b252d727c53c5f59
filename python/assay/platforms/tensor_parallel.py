"""`tensor-parallel`: a model cut by its own `tp_plan` over two processes (`DistributedConfig` of transformers, torch.distributed with
gloo)."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import io
import multiprocessing
import os
import signal
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch
import torch.distributed
from torch.utils._python_dispatch import TorchDispatchMode

from assay.checks.unit import named_tensors
from assay.platforms.base import Executed, Tensors, confirm
from assay.platforms.placed import Placed
from assay.raised import Unavailable
from assay.worker import safety

RANKS = 2
PATIENCE = datetime.timedelta(seconds=60)
"""How long one process waits for the other: a lost one is noticed at once, this is for one that hangs."""
COLLECTIVES = ("c10d::", "_c10d_functional::")
WHOLE = ("replicated", "sequence")
"""Styles of a plan that cut no weight, by the beginning of their names."""


class RankFailed(Exception):
    """The other process is gone, or what it raised, in its own words."""


class TensorParallel(Placed):
    """Rank 0; rank 1 is a fork of it."""

    packages = ("accelerate>=1.0", "torch>=2.11", "transformers>=5.23")

    def __init__(self, device: str | None, dtype: str = "float32") -> None:
        super().__init__(device, dtype)
        self.other: Connection | None = None
        self.rank1 = 0
        """The process of rank 1."""
        self.lost = ""
        """Why there is no rank 1 any more."""

    @classmethod
    def warm(cls) -> None:
        for module in ("accelerate", "torch.distributed.tensor", "transformers.distributed"):
            importlib.import_module(module)

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        def summed() -> torch.Tensor:
            own = torch.tensor([torch.distributed.get_rank() + 1.0])
            torch.distributed.all_reduce(own)
            return own

        fork(summed)
        confirm("gloo", summed(), [3.0])
        return [{"name": "cpu", "description": f"{RANKS} processes, gloo"}]

    def prepare(self, model: torch.nn.Module, inputs: Tensors) -> None:
        if not getattr(model, "supports_tp_plan", False):
            raise Unavailable("model_unsupported", f"{type(model).__name__} has no `tp_plan`")
        super().prepare(model, inputs)

    def load(self) -> None:
        self.other, there = multiprocessing.Pipe()
        self.rank1 = fork(lambda: self._serve(there))
        there.close()
        self._cut()
        self.settings = {"ranks": RANKS, "weights cut": len(self._planned()) - len(self._uncut())}

    def _cut(self) -> None:
        from transformers.distributed import DistributedConfig

        self.model = self.loaded(distributed_config=DistributedConfig(tp_size=RANKS))

    def _serve(self, connection: Connection) -> None:
        """What rank 1 does: a forward for each one of rank 0."""
        self._cut()
        while True:
            inputs, state = torch.load(io.BytesIO(connection.recv_bytes()), weights_only=True)
            torch.set_rng_state(state)
            try:
                with Collectives() as met:
                    answer = named_tensors(self.forward(inputs))
                told = io.BytesIO()
                torch.save({name: its.clone() for name, its in answer.items()}, told)
                connection.send((met.count, told.getvalue(), None))
            except Exception as exception:
                connection.send((0, b"", f"{type(exception).__name__}: {exception}"))

    def run(self, inputs: Tensors) -> Any:
        return self._together(inputs)[0]

    def _together(self, inputs: Tensors) -> tuple[Any, int]:
        """The answer of rank 0, and in how many collective operations rank 1 took part."""
        if self.lost:
            raise RankFailed(self.lost)
        message = io.BytesIO()
        torch.save((inputs, torch.get_rng_state()), message)
        try:
            self.other.send_bytes(message.getvalue())
            answer = named_tensors(self.forward(inputs))
            count, theirs, words = self._heard(PATIENCE.total_seconds())
        except Exception as exception:
            # What went wrong there says more than that the partner is lost here.
            _, _, words = self._heard(1)
            self._lose(words or f"{type(exception).__name__} on rank 0")
            if words is None:
                raise
            raise RankFailed(self.lost) from exception
        words = words or _differ(answer, torch.load(io.BytesIO(theirs), weights_only=True))
        if words is not None:
            self._lose(words)
            raise RankFailed(self.lost)
        return answer, count

    def _heard(self, seconds: float) -> tuple[int, bytes, str | None]:
        """What rank 1 says of its forward: in how many collective operations it took part, its answer, or what went wrong."""
        try:
            return self.other.recv() if self.other.poll(seconds) else (0, b"", None if seconds <= 1 else "no answer")
        except (EOFError, ConnectionError):
            return 0, b"", "the process is gone"

    def _lose(self, words: str) -> None:
        """Ends rank 1: an answer that comes late would be taken for that of another forward."""
        self.lost = f"rank 1: {words}"
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.rank1, signal.SIGKILL)

    def executed(self, inputs: Tensors) -> Executed:
        """Collective operations that each rank took part in. A weight of the plan that is whole was not cut."""
        with Collectives() as met:
            _, count = self._together(inputs)
        by = {name: count for name, count in (("rank 0", met.count), ("rank 1", count)) if count}
        return Executed(by, [f"whole on one process: {name}" for name in self._uncut()] + ([] if count else ["rank 1: nothing"]))

    def _planned(self) -> dict[str, torch.nn.Parameter]:
        """Weights that the plan cuts."""
        plan, _, _ = self.model._resolve_parallel_plans(self.model.config.distributed_config)
        parameters = dict(self.model.named_parameters())
        styles = {name: style for name, style in plan.items() if name in parameters and not name.endswith("bias")}
        return {name: parameters[name] for name, style in styles.items() if not style.startswith(WHOLE)}

    def _uncut(self) -> list[str]:
        """Those of them that are whole."""
        return [name for name, its in self._planned().items() if not hasattr(its, "to_local") or its.to_local().numel() == its.numel()]


def _differ(one: Tensors, other: Tensors) -> str | None:
    """Where the answers of two ranks are not the same, in words: each has the whole of it."""
    for name in [*one, *(name for name in other if name not in one)]:
        if name not in one or name not in other or one[name].shape != other[name].shape:
            return f"{name} is not what rank 0 has"
        if not torch.allclose(one[name], other[name], rtol=1e-4, atol=1e-5, equal_nan=True):
            return f"{name} is not what rank 0 has: {float((one[name].double() - other[name].double()).abs().max()):.2g} off"
    return None


class Collectives(TorchDispatchMode):
    """Counts the collective operations within it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func.name().startswith(COLLECTIVES) and "wait_tensor" not in func.name()
        return func(*args, **(kwargs or {}))


def fork(other: Callable[[], object]) -> int:
    """Makes this process rank 0 and a fork of it rank 1, which does what it is given and leaves. The process of rank 1."""
    meeting = os.path.join(tempfile.mkdtemp(), "store")
    child = os.fork()
    if child == 0:
        try:
            safety.die_with_parent()
            _join(meeting, 1)
            other()
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(0)
    _join(meeting, 0)
    return child


def _join(meeting: str, rank: int) -> None:
    """Makes this process one of the group that meets at a file, on the processor, over the loopback interface."""
    os.environ |= {"GLOO_SOCKET_IFNAME": "lo", "CUDA_VISIBLE_DEVICES": "", "LOCAL_RANK": str(rank)}
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=RANKS, timeout=PATIENCE)


PLATFORM = TensorParallel
