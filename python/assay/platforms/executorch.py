"""`executorch`: a program for the ExecuTorch runtime, as much of it as can be by XNNPACK."""

from __future__ import annotations

import importlib
from collections import Counter
from typing import Any

from assay.platforms.base import Executed, Tensors, most
from assay.platforms.exported import Exported, warm_export
from assay.raised import Unavailable

DELEGATE = "XnnpackBackend"
PORTABLE = "portable kernels"
"""Kernels of the runtime itself: where a delegate executes something they count as the platform's own."""
FLOATS = {"FLOAT": "float32", "HALF": "float16", "BFLOAT16": "bfloat16", "DOUBLE": "float64"}


class Executorch(Exported):
    """A loaded method."""

    draws_alike = False
    packages = ("torch>=2.11", "executorch>=1.0")
    exporter, config = "ExecutorchExporter", "ExecutorchConfig"

    @classmethod
    def warm(cls) -> None:
        for module in ("exporter_executorch", "runners.runner_executorch"):
            importlib.import_module(f"transformers.exporters.{module}")
        warm_export("dynamo", "executorch")

    @classmethod
    def versions(cls) -> dict[str, str]:
        found = super().versions()
        from executorch.runtime import Runtime

        registry = Runtime.get().backend_registry
        if not registry.is_available(DELEGATE):
            raise Unavailable(
                "not_supported_here", f"this build of ExecuTorch has no {DELEGATE}: {', '.join(registry.registered_backend_names)}"
            )
        return found

    @classmethod
    def devices(cls) -> list[dict[str, Any]]:
        """By the runtime's own word: a program of its own would take seconds to make."""
        return [{"name": DELEGATE, "description": "cpu"}]

    def options(self) -> dict[str, Any]:
        return {"backend": "xnnpack"}

    def by_backend(self, inputs: Tensors, executed: Executed) -> Executed:
        """By its plan: calls of a delegate, and of the runtime's own portable kernels."""
        plan, names = self._plan(), Counter()
        for chain in plan.chains:
            for instruction in chain.instructions:
                arguments = instruction.instr_args
                index = getattr(arguments, "delegate_index", None)
                if index is not None:
                    names[plan.delegates[index].id] += 1
                elif hasattr(arguments, "op_index"):
                    names[PORTABLE] += 1
        executed.by = dict(names)
        if names and not names.keys() - {PORTABLE}:
            executed.by, executed.elsewhere = {}, [*executed.elsewhere, f"{PORTABLE}: {names[PORTABLE]}, and no delegate"]
        return executed

    def numbers(self) -> dict[str, str]:
        """Of what the plan hands from one operation to the next: what lies within a delegate it does not say."""
        held = (getattr(its.val, "scalar_type", None) for its in self._plan().values)
        return most("values of the plan", Counter(FLOATS[its.name] for its in held if its is not None and its.name in FLOATS))

    def _plan(self) -> Any:
        from executorch.exir._serialize._program import deserialize_pte_binary

        with open(self.model.program.path, "rb") as file:
            (plan,) = deserialize_pte_binary(file.read()).program.execution_plan
        return plan


PLATFORM = Executorch
