"""Group `memory`: what a call takes it gives back."""

from __future__ import annotations

import copy
import gc
import itertools
import os
import tempfile
import time
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from transformers.quantizers.base import _assign_is_quantized

from assay import raised, subjects
from assay.checks import int8_weights
from assay.checks.live import limited, live_bytes, without_onednn
from assay.checks.train import backward, training
from assay.checks.unit import SubjectRaised, Tensors, Unit, of_subject, seed_generators, walk
from assay.observation import Observation, comparison
from assay.subjects import join_rows, rows_of
from assay.subjects.modules import compressible

CALLS = 7
"""Calls of a series: the fewest in which a leak at every second call shows (the rule `flat`)."""
SLOW_CALLS = 5
"""Calls where one is slow, all with gradients on: the fewest that the rule judges."""
SLOW_SECONDS = 0.1
"""Processor time that a slow call takes at least."""
ROUNDS = 4
"""Series at most until the bytes have settled: a cache of some dozen entries that fills is no leak."""
MOST_SECONDS = 2.0
"""After these no further series is begun."""
FRESH = 10_000
"""Added to the seed: inputs that no other check feeds."""
SPARE = 8 << 20
"""Bytes that a forward may have which is to run out of memory: room for Python, and soon used up."""
MULTIPLES = [2**power for power in range(17)]


def leak(unit: Unit) -> Observation:
    """Live bytes after each of some calls on fresh inputs, once they have settled; and after steps in train mode."""
    seen = Observation()
    gc.freeze()  # what is there by now is not gone through at each reading
    kept: list[Tensors] = []  # so that what the model remembers by identity is not taken for what went before
    with without_onednn():  # some outputs are as long as their input asks for, each of a new shape
        began = time.process_time()
        _series(unit, kept, [True])
        is_slow = time.process_time() - began > SLOW_SECONDS
        with_gradients = [True] * SLOW_CALLS if is_slow else [number % 2 == 1 for number in range(CALLS)]
        seen.series("live bytes after each call", "bytes", _settled(unit, kept, with_gradients))
        if _trains(unit):
            with training(unit):
                _series(unit, kept, [True])
                values = _settled(unit, kept, [True] * SLOW_CALLS)
            seen.series("live bytes after each call in train mode", "bytes", values)
    return seen


def _settled(unit: Unit, kept: list[Tensors], with_gradients: list[bool]) -> list[int]:
    """The first series in which the bytes no longer rise, or the last one that there is time for."""
    began = time.process_time()
    for _ in range(ROUNDS):
        values = _series(unit, kept, with_gradients)
        rises = sum(after > before for before, after in itertools.pairwise(values))
        if 3 * rises < len(values) or time.process_time() - began > MOST_SECONDS:
            break
    return values


def _series(unit: Unit, kept: list[Tensors], with_gradients: list[bool]) -> list[int]:
    """Live bytes after each call. The inputs are there before, and so is the list: what the observer takes does not grow."""
    rows = 1 if "batch" in unit.has else None  # what is kept of one shows as well
    fresh = [unit.make_inputs(unit.seed + FRESH + len(kept) + number, rows) for number in range(len(with_gradients))]
    kept += fresh
    values = [0] * len(fresh)
    for number, inputs in enumerate(fresh):
        _run(unit, unit.model, inputs, with_gradients=with_gradients[number])
        unit.forget()
        if with_gradients[number]:
            unit.detach()
        values[number] = live_bytes()
    return values


def _trains(unit: Unit) -> bool:
    """Whether a forward in train mode comes to its end: some want labels, or a certain length."""

    def can() -> bool:
        try:
            with training(unit):
                unit.forward(unit.inputs)
        except SubjectRaised:
            return False
        return True

    return "trains" in unit.has and unit.once("trains_here", can)


def _run(unit: Unit, model: torch.nn.Module, inputs: Tensors, *, with_gradients: bool) -> Tensors:
    """The outputs, with the graph of their making where gradients are on."""

    def call() -> Tensors:
        seed_generators(unit.seed)
        with torch.set_grad_enabled(with_gradients):
            return dict(walk(subjects.call(model, inputs)))

    return of_subject(call)


def release(unit: Unit) -> Observation:
    """What is still there of a second build of the model, and of what it gave out, once nobody holds either."""
    seen = Observation()
    gc.freeze()
    modules, storages = _build_and_drop(unit)
    gc.collect()
    seen.count("modules that are gone", modules, [name for name, module in modules.items() if module() is not None])
    seen.count("tensors that are gone", storages, [name for name, storage in storages.items() if not storage.expired()])
    return seen


def _build_and_drop(unit: Unit) -> tuple[dict[str, weakref.ref], dict[str, StorageWeakRef]]:
    """The modules of a model that ran once, and what its parameters, buffers and outputs were stored in."""
    seed_generators(unit.seed)
    model = of_subject(lambda: subjects.make_model(unit.subject, unit.config))
    outputs = _run(unit, model, unit.make_inputs(unit.seed), with_gradients=True)
    # A library may share an activation without numbers of its own, and a table of positions that it gives out.
    held = {name or type(model).__name__: module for name, module in model.named_modules() if any(True for _ in _tensors(module))}
    modules = {name: weakref.ref(module) for name, module in held.items()}
    tensors = [*_tensors(model), *((name, tensor) for name, tensor in outputs.items() if tensor.requires_grad)]
    return modules, {name: StorageWeakRef(tensor.untyped_storage()) for name, tensor in tensors}


def _tensors(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def out_of_memory(unit: Unit) -> Observation:
    """A forward on ever more rows under a limit on memory, until it fails; then one as before."""
    seen = Observation()
    before = unit.reference
    for times in MULTIPLES:
        many = {spec.name: join_rows(spec, rows_of(spec, unit.inputs[spec.name], unit.batch) * times) for spec in unit.specs}
        exception = _under_a_limit(unit, many)
        if exception is not None:
            label = f"{times} times the rows with {SPARE >> 20} MiB to spare"
            seen.call(label, raised.describe(exception, "subject"), [])
            seen.compare_outputs(unit.forward(unit.inputs), before)
            return seen
    raise RuntimeError(f"a forward on {MULTIPLES[-1]} times the rows took no {SPARE >> 20} MiB")


def _under_a_limit(unit: Unit, inputs: Tensors) -> Exception | None:
    """What a forward raises that can have only so much memory more than the process has."""
    try:
        with without_onednn(), limited(SPARE):
            unit.call(inputs)
    except SubjectRaised as exception:
        return exception.original
    return None


def offload(unit: Unit) -> Observation:
    """Gradients where what a backward needs lies in a file meanwhile, and where it stays."""
    seen = Observation()
    straight = _gradients(unit)
    with tempfile.TemporaryFile(dir=unit.scratch) as file:
        hooks = torch.autograd.graph.saved_tensors_hooks(lambda tensor: _pack(file, tensor), lambda packed: _unpack(file, *packed))
        with hooks:
            offloaded = _gradients(unit)
        seen.fields["measures"] = {"offloaded_bytes": file.seek(0, os.SEEK_END)}
    seen.compare_outputs(offloaded, straight)
    return seen


def _gradients(unit: Unit) -> Tensors:
    """Gradients in train mode, for which alone activations are offloaded (Reformer has a backward there only)."""
    with training(unit):
        found = backward(unit, unit.variants, unit.seed)
    return {name: gradient for name, gradient in found.of.items() if gradient is not None}


def _pack(file: Any, tensor: torch.Tensor) -> tuple:
    """Writes what a tensor spans; where it is and how it lies. One that is to be read conjugated or negated is written as it is read."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    span = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)) if tensor.numel() else 0
    flat = tensor.as_strided((span,), (1,))
    place = file.seek(0, os.SEEK_END)
    file.write(flat.view(torch.uint8).numpy().data if span else b"")
    return place, span * tensor.element_size(), tensor.dtype, tensor.shape, tensor.stride()


def _unpack(file: Any, place: int, length: int, dtype: torch.dtype, shape: torch.Size, stride: tuple[int, ...]) -> torch.Tensor:
    flat = torch.empty(length, dtype=torch.uint8)
    file.seek(place)
    file.readinto(flat.numpy().data)
    return flat.view(dtype).as_strided(shape, stride)


def int8(unit: Unit) -> Observation:
    """The model with its weights held in eight bits, and the same with the numbers that those stand for: the same bits."""
    seen = Observation()
    unit.detach()
    compressed, rounded = copy.deepcopy(unit.model), copy.deepcopy(unit.model)
    names = compressible(unit.model)
    for name in names:
        own = int8_weights.compressed(compressed.get_submodule(name))
        rounded.get_submodule(name).weight = torch.nn.Parameter(own.rounded(), requires_grad=False)
    for model in (compressed, rounded):
        _assign_is_quantized(model)
    expected = unit.forward(unit.inputs, rounded)
    seen.compare_outputs(unit.forward(unit.inputs, compressed), expected)
    seen.fields["measures"] = {"compressed_modules": len(names), "rounding_error": _relative(expected, unit.reference)}
    return seen


def _relative(results: Tensors, references: Tensors) -> float:
    """The largest difference of an output, root mean square over that of the reference."""
    rows = [comparison(name, results[name], references[name], None) for name in references if name in results]
    return max((row["rms_difference"] / row["rms_reference"] for row in rows if row["rms_reference"]), default=0.0)


OBSERVERS = {
    "memory.leak": leak,
    "memory.release": release,
    "memory.out_of_memory": out_of_memory,
    "memory.offload": offload,
    "memory.int8": int8,
}
