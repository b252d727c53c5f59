"""What the checks of one unit share: the model, its inputs, and runs that more than one check needs."""

from __future__ import annotations

import contextlib
import copy
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import numpy
import torch

from assay import subjects
from assay.checks import oracle
from assay.weights import calibrate, fill, redraw

T = TypeVar("T")
Tensors = dict[str, torch.Tensor]

REFERENCE = "cpu"
"""The platform that all others are held against."""
TIMES = 20
"""How much longer a long sound is: some 240 frames, more than tables of distances of tiny models hold."""
OTHER_DRAWS = 20
"""Draws until another last token comes: with four tokens to draw from, all agree once in 4^20."""

ROUNDING = 4 * torch.finfo(torch.float32).eps
"""How far float32 moves what it computes, in shares: noise of one to two epsilons at the output (`FACTS.md`), more before it is summed."""


class SubjectRaised(Exception):
    """The code under test raised `original`."""

    def __init__(self, original: BaseException) -> None:
        super().__init__(type(original).__name__)
        self.original = original


def of_subject(call: Callable[[], T]) -> T:
    """Runs code under test, so that an exception is laid at its door."""
    try:
        return call()
    except SubjectRaised:
        raise
    except Exception as exception:
        raise SubjectRaised(exception) from exception


def seed_generators(seed: int) -> None:
    """Seeds all that a model may draw from: torch, NumPy (masks of sounds), Python. `torch.manual_seed` writes down the stack for each
    kind of device that is not in use yet: 1 ms, thirty times a unit."""
    torch.default_generator.manual_seed(seed)
    numpy.random.seed(seed % 2**32)
    random.seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


class Once(cached_property[T]):
    """A cached property that keeps the subject's exception as well: what can't be built is not built again by every check."""

    def __get__(self, unit: Any, owner: Any = None) -> Any:
        failures = unit.__dict__.setdefault("failures", {})
        if self.attrname in failures:
            raise failures[self.attrname]
        try:
            return super().__get__(unit, owner)
        except SubjectRaised as exception:
            failures[self.attrname] = exception
            raise


class Unit:
    """One subject on one platform. Everything is made when it is first needed, once."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.subject: dict[str, Any] = job["subject"]
        self.platform: str = job["platform"]
        self.recipe: dict[str, Any] | None = job["recipe"]
        self.seed: int = job["seed"]
        self.nonce = int(job["nonce"])
        self.second_nonce = int(job["second_nonce"])
        self.scratch: str = job["scratch"] or tempfile.gettempdir()
        self.is_filled = self.subject["kind"] != "checkpoint"
        self.expected_tensors: dict[str, list[int]] | None = job.get("expected_tensors")
        """Names and shapes of the tensors that the kept expectation was made with, if there is one."""
        self.refused: dict[torch.dtype, str] = {}
        """What the library raised at the first try to load the model in a type, where it did."""
        self.loading: dict[str, Any] = {}
        """What the library says of loading the checkpoint."""
        self.drawn = self.nonce
        """What the weights are drawn from now."""
        self.versions: dict[int, int] = {}
        """How often each parameter had been written to once it was filled, by identity."""
        self._made: dict[str, Any] = {}
        self.oracle_lacking: str | None = None
        """Why there is no float64 run, if there was to be one."""

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What several checks of a group share, made when it is first asked for; what the subject raised is raised again."""
        if name not in self._made:
            try:
                self._made[name] = make()
            except SubjectRaised as exception:
                self._made[name] = exception
        if isinstance(self._made[name], SubjectRaised):
            raise self._made[name]
        return self._made[name]

    @Once
    def config(self) -> Any:
        """The configuration under test."""
        return of_subject(lambda: subjects.make_config(self.subject, self.recipe))

    @Once
    def model(self) -> torch.nn.Module:
        """The model, in eval mode and float32, filled from the nonce (a checkpoint: as it is)."""
        seed_generators(self.seed)
        if self.is_filled:
            model = of_subject(lambda: subjects.make_model(self.subject, self.config))
        else:
            model, self.loading = of_subject(lambda: subjects.load_model(self.subject, self.config))
        if not isinstance(model, torch.nn.Module):
            return model
        self._memories = {name: copy.deepcopy(value) for name, value in self._remembered(model)}
        if self.is_filled:
            self._initial = self._as_initialised(model)
            self._fill(model, self.nonce)
        self._keep_versions(model)
        return model

    @Once
    def _initial(self) -> Tensors:
        """The parameters of a checkpoint's model as they were before anybody trained it."""
        return self._as_initialised(copy.deepcopy(self.model))

    def _fill(self, model: torch.nn.Module, nonce: int) -> None:
        self.fill_as(model, nonce, self._initial, lambda: self.variants)

    def fill_as(
        self,
        model: torch.nn.Module,
        nonce: int,
        initial: Tensors,
        fed: Callable[[], list[Tensors]],
        random: int | None = None,
        drawn_as: dict[str, str] | None = None,
    ) -> None:
        """Fills a model that was built like the unit's own, and calibrates it on what is fed. `initial` holds its parameters as it was
        built; what is named in `drawn_as` is drawn by the name given there."""
        fill(model, nonce, initial, drawn_as or {})
        self._forget(model)

        def forward() -> None:
            for inputs in fed():
                self.forward(inputs, model, random)

        # What the model raises here it raises again where it is judged.
        with contextlib.suppress(SubjectRaised):
            calibrate(model, nonce, forward, drawn_as or {})
        self._forget(model)

    def build_again(self) -> tuple[torch.nn.Module, Tensors]:
        """The model built once more, while the library's generators are in another state, not filled yet, and its parameters as it was
        built (`fill_as`); a checkpoint loaded once more. Whoever asks may do with it what he likes."""
        seed_generators(self.seed + 1)
        model = of_subject(lambda: subjects.make_model(self.subject, self.config))
        return model, self._as_initialised(model) if self.is_filled else {}

    def uncalled(self) -> torch.nn.Module:
        """The model made, or loaded, once more, with the same weights, as somebody has it who exports it: what a first call leaves in a
        model is not there yet. Running statistics alone want one."""
        seed_generators(self.seed)
        if not self.is_filled:
            return of_subject(lambda: subjects.load_model(self.subject, self.config)[0])
        model = of_subject(lambda: subjects.make_model(self.subject, self.config))
        self.fill_as(model, self.nonce, self._as_initialised(model), lambda: self.variants)
        return model

    def _as_initialised(self, model: torch.nn.Module) -> Tensors:
        """The parameters as the library initialises them: some weights are only moved from there. What it draws is drawn by name."""
        of_subject(lambda: redraw(model))
        return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    def forget(self) -> None:
        """Takes from the model what it remembers of earlier inputs by its own design: it was made by the weights of that time."""
        self._forget(self.model)

    def detach(self) -> None:
        """Cuts what the model keeps of a forward with gradients from the graph that made it: such a model can't be copied
        (RecurrentGemma)."""
        for module in self.model.modules():
            for name, value in list(vars(module).items()):
                if isinstance(value, torch.Tensor) and value.grad_fn is not None:
                    setattr(module, name, value.detach())

    def _forget(self, model: torch.nn.Module) -> None:
        for name, value in copy.deepcopy(self.__dict__.get("_memories", {})).items():
            owner, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(owner), attribute, value)

    def _remembered(self, model: torch.nn.Module) -> list[tuple[str, Any]]:
        attributes = {f"{name}.{key}".lstrip("."): value for name, module in model.named_modules() for key, value in vars(module).items()}
        return [(name, attributes[name]) for name in subjects.memories(self.architecture, set(attributes))]

    def _keep_versions(self, model: torch.nn.Module) -> None:
        """How often each parameter was written to until now, by identity."""
        self.versions = {id(parameter): parameter._version for parameter in model.parameters()}

    def fill(self, nonce: int) -> None:
        """Fills the model from a nonce."""
        self.drawn = nonce
        self._fill(self.model, nonce)
        self._keep_versions(self.model)

    @contextlib.contextmanager
    def filled(self, nonce: int) -> Iterator[None]:
        """Within it the model has the weights of another nonce; a checkpoint's, too: what is asked then is asked of its code."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        kept = [tensor.detach().clone() for tensor in tensors]
        drawn = self.drawn
        try:
            self.fill(nonce)
            yield
        finally:
            with torch.no_grad():
                for tensor, before in zip(tensors, kept, strict=True):
                    if not torch.equal(tensor, before):
                        tensor.copy_(before)
            self.forget()
            self._keep_versions(self.model)
            self.drawn = drawn

    @Once
    def inputs(self) -> Tensors:
        """The inputs, two rows."""
        return self.make_inputs(self.seed)

    @Once
    def other_inputs(self) -> Tensors:
        """Inputs of the same shapes and other values. They end in another token, since the evidence looks there and two draws from a
        vocabulary of a few hundred agree now and then."""
        last = [(spec.name, (-1,) * (len(spec.shape) + 1)) for spec in self.specs if spec.role in ("tokens", "decoder_tokens")]
        for seed in range(self.seed + 1_000, self.seed + 1_000 + OTHER_DRAWS):
            other = self.make_inputs(seed)
            if all(other[name][place] != self.inputs[name][place] for name, place in last):
                break
        return other

    @Once
    def third_inputs(self) -> Tensors:
        """Once more other ones."""
        return self.make_inputs(self.seed + 2)

    def lengthened(self, most: int) -> Tensors:
        """A text that begins as `inputs` and goes on, as long as tables of positions allow, `most` tokens at most."""
        length = subjects.long_length(self.model.config, most)
        longer = dict(self.inputs)
        for spec in self.specs:
            if spec.role in subjects.TEXT:
                rest = self.redraw(replace(spec, shape=(length - spec.shape[0], *spec.shape[1:])), self.seed + 4)
                longer[spec.name] = torch.cat([self.inputs[spec.name], rest], 1)
        return longer

    @Once
    def long_sounds(self) -> dict[str, Tensors]:
        """By the name of a sound, inputs in which it and the masks over it are so many times as long."""
        longer = {}
        for specs, inputs in self.fed:
            sound = next((spec for spec in specs if spec.role in ("waveform", "mel") and not spec.packed), None)
            if sound is None or sound.name in longer or any(spec.values is not None for spec in specs):
                continue
            size = max(sound.shape)
            own = [spec for spec in specs if size in spec.shape]
            shapes = {spec.name: tuple(TIMES * its if its == size else its for its in spec.shape) for spec in own}
            drawn = {spec.name: self.redraw(replace(spec, shape=shapes[spec.name]), self.seed) for spec in own}
            longer[sound.name] = {**inputs, **drawn}
        return longer

    @Once
    def long_inputs(self) -> Tensors:
        """A text that is longer than every window and chunk of a tiny model."""
        return self.lengthened(subjects.LONG)

    @Once
    def long_reference(self) -> Tensors:
        """Outputs for `long_inputs`."""
        return self.forward(self.long_inputs)

    @Once
    def fed(self) -> list[tuple[list[subjects.InputSpec], Tensors]]:
        """The sets of inputs that together reach every tower, each with what is said of it; the first is `inputs`."""
        more = subjects.variants(self.recipe)[1:]
        own = [(subjects.input_specs(self.recipe, name), self.make_inputs(self.seed, variant=name)) for name in more]
        return [(self.specs, self.inputs), *own]

    @property
    def variant_names(self) -> list[str]:
        """Names of the sets of inputs."""
        return subjects.variants(self.recipe)

    @property
    def variants(self) -> list[Tensors]:
        """The sets of inputs alone."""
        return [inputs for _, inputs in self.fed]

    def make_inputs(self, seed: int, batch: int | None = None, variant: str | None = None) -> Tensors:
        """Inputs for a seed: row i is the same in every batch."""
        return of_subject(lambda: subjects.make_inputs(self.recipe, seed=seed, batch=batch, variant=variant))

    @Once
    def specs(self) -> list[subjects.InputSpec]:
        """What is fed."""
        return subjects.input_specs(self.recipe)

    @property
    def architecture(self) -> str:
        """The name of the architecture, and of its class where it is not the base one; of a checkpoint, what its configuration says."""
        if self.is_filled:
            return subjects.design_key(self.subject)
        return self.once("architecture", lambda: subjects.design_key_of_checkpoint(self.subject, self.config))

    def unused_modules(self, names: set[str]) -> dict[str, str]:
        """Those of the modules that the architecture's design leaves unused, with the reason."""
        return subjects.unused_modules(self.architecture, names, self.config)

    @property
    def has(self) -> set[str]:
        """The facts that the probe found."""
        return set((self.recipe or {}).get("facts", {}).get("has", ()))

    @property
    def batch(self) -> int:
        """How many rows are fed."""
        return subjects.batch_of(self.recipe)

    def redraw(self, spec: subjects.InputSpec, seed: int) -> torch.Tensor:
        """One input for another seed."""
        return subjects.draw(spec, seed, self.batch)

    @Once
    def reference(self) -> Tensors:
        """Outputs for `inputs`."""
        return self.forward(self.inputs)

    @Once
    def reference64(self) -> Tensors | None:
        """Outputs of the oracle for `inputs`."""
        return self.forward64(self.inputs)

    def hiding(self, its_mask: str, place: int, length: int | None = None) -> tuple[Tensors, Tensors, Tensors | None]:
        """`inputs` whose mask (if it is fed by nobody else, of some length) hides one token of every row; their outputs, and those of the
        oracle."""
        known = self.__dict__.setdefault("hidden", {})
        key = (self.drawn, its_mask, place)
        if key not in known:
            mask = self.inputs[its_mask].clone() if its_mask in self.inputs else torch.ones(self.batch, length or 0, dtype=torch.int64)
            mask[:, place] = 0
            inputs = {**self.inputs, its_mask: mask}
            known[key] = (inputs, self.forward(inputs), self.forward64(inputs))
        return known[key]

    @Once
    def with_one_hidden(self) -> list[Tensors]:
        """The inputs with a mask over the text that hides one token of the last row; none where there is no such mask, or more than text:
        the places of sounds may be counted by the mask."""
        if not {spec.role for spec in self.specs} <= subjects.TEXT:
            return []
        masks = [spec for spec in self.specs if spec.role == "attention_mask" and spec.name in self.inputs]
        if not masks or len(masks[0].shape) != 1 or masks[0].shape[0] < 3:
            return []
        mask = self.inputs[masks[0].name].clone()
        mask[-1, -2] = 0
        return [{**self.inputs, masks[0].name: mask}]

    @Once
    def alone(self) -> list[tuple[Tensors, Tensors | None]]:
        """Outputs of each row of `inputs` by itself, and those of the oracle."""
        return self.each_alone(self.specs, self.inputs)

    def each_alone(self, specs: list[subjects.InputSpec], inputs: Tensors) -> list[tuple[Tensors, Tensors | None]]:
        """The same of another set of inputs."""
        cut = {spec.name: subjects.rows_of(spec, inputs[spec.name], self.batch) for spec in specs}
        rows = [{name: parts[row] for name, parts in cut.items()} for row in range(self.batch)]
        return [(self.forward(row), self.forward64(row)) for row in rows]

    @Once
    def model64(self) -> torch.nn.Module:
        """The same model in float64: the oracle."""
        return of_subject(lambda: oracle.widened(self.model))

    def forward(self, inputs: Tensors, model: torch.nn.Module | None = None, random: int | None = None) -> Tensors:
        """Outputs by name, without gradients. The model gets copies, and copies of its outputs are kept: an input that is edited, or
        an output that a later call writes over, is for the check of it to see, and spoils no other."""
        outputs = self.call({name: tensor.clone() for name, tensor in inputs.items()}, model, random)
        return {name: tensor.clone() for name, tensor in outputs.items()}

    def call(self, inputs: Tensors, model: torch.nn.Module | None = None, random: int | None = None) -> Tensors:
        """Outputs by name, without gradients and without copies: the very tensors that go in and come out. Each call begins in the same
        random state, unless another is asked for: whether that matters is for one check to see."""
        model = self.model if model is None else model

        def call() -> Tensors:
            seed_generators(self.seed if random is None else random)
            with torch.no_grad():
                return named_tensors(subjects.call(model, inputs))

        return of_subject(call)

    @Once
    def draws(self) -> bool:
        """Whether the answer depends on the state of torch's generators."""
        other = self.forward(self.inputs, random=self.seed + 1)
        alike = (torch.equal(other[name].nan_to_num(), its.nan_to_num()) for name, its in self.reference.items() if name in other)
        return other.keys() != self.reference.keys() or not all(alike)

    def forward64(self, inputs: Tensors, model: torch.nn.Module | None = None, random: int | None = None) -> Tensors | None:
        """Outputs of the oracle, or of another model in float64; `None` if it can't run in float64 (`oracle_lacking` says why)."""
        model = self.model64 if model is None else model
        wide = {name: _widened(value) for name, value in inputs.items()}
        try:
            with oracle.all_wide():
                return self.forward(wide, model, random)
        except SubjectRaised as exception:
            self.oracle_lacking = f"{type(exception.original).__name__}: {exception.original}"[:200]
            return None

    def fed_anew(self, seed: int) -> Unit:
        """The same model, fed other inputs of the same shapes."""
        return self._beside(Unit, seed)

    def in_float64(self) -> Unit:
        """The same inputs, fed to the model in float64."""
        wide = self._beside(Wide, self.seed)
        wide.__dict__["model"] = self.model64
        return wide

    @contextlib.contextmanager
    def unnarrowed(self) -> Iterator[None]:
        """Within it no step of a forward narrows what the unit feeds in float64."""
        yield

    @contextlib.contextmanager
    def as_rounded(self) -> Iterator[None]:
        """Within it the weights are as this unit rounds them: as they are."""
        yield

    def shaken(self, seed: int) -> Unit:
        """The same in float64, with other rounding errors of float32 at each call."""
        wide = self._beside(Shaken, self.seed)
        wide.__dict__["model"] = self.model64
        wide.generator.manual_seed(seed)
        return wide

    def _beside(self, kind: type[Unit], seed: int) -> Unit:
        other = kind({**self.job, "seed": seed})
        kept = ("config", "model", "model64", "_initial", "_memories", "versions", "drawn")
        other.__dict__ |= {name: self.__dict__[name] for name in kept if name in self.__dict__}
        return other

    @Once
    def saved(self) -> str:
        """The folder that the model was saved in."""
        folder = os.path.join(self.scratch, "saved")
        of_subject(lambda: self.model.save_pretrained(folder))
        return folder

    @Once
    def loaded(self) -> tuple[torch.nn.Module, dict[str, Any]]:
        """The model saved and loaded, with what loading says."""
        return of_subject(lambda: self.load(self.saved))

    def load(self, folder: str, kind: Any = None, **options: Any) -> tuple[torch.nn.Module, dict[str, Any]]:
        """A model of the same class, or of another, from a folder, with what loading says."""
        asked = {"output_loading_info": True, "local_files_only": True, "dtype": torch.float32, "use_safetensors": True} | options
        loaded, info = (kind or type(self.model)).from_pretrained(folder, **asked)
        return loaded.eval(), info

    def devices(self) -> list[str]:
        """Types of device on which parameters, inputs and outputs are, as far as they were made. On another platform than the reference
        it is for the platform to say where it ran (`parity.py`)."""
        if self.platform != REFERENCE:
            return []
        tensors = [*self.__dict__.get("inputs", {}).values(), *self.__dict__.get("reference", {}).values()]
        types = {tensor.device.type for tensor in tensors if isinstance(tensor, torch.Tensor)}
        if isinstance(self.__dict__.get("model"), torch.nn.Module):
            types |= self._placed
        return sorted(types)

    @Once
    def _placed(self) -> set[str]:
        """Types of device on which the parameters are: nothing moves them."""
        return {parameter.device.type for parameter in self.model.parameters()}


class Wide(Unit):
    """A unit in float64, by itself: there is nothing more exact to compare it with."""

    def make_inputs(self, seed: int, batch: int | None = None, variant: str | None = None) -> Tensors:
        return {name: _widened(tensor) for name, tensor in super().make_inputs(seed, batch, variant).items()}

    def redraw(self, spec: subjects.InputSpec, seed: int) -> torch.Tensor:
        return _widened(super().redraw(spec, seed))

    def call(self, inputs: Tensors, model: torch.nn.Module | None = None, random: int | None = None) -> Tensors:
        with self.unnarrowed():
            return super().call(inputs, model, random)

    @contextlib.contextmanager
    def unnarrowed(self) -> Iterator[None]:
        with oracle.all_wide():
            yield

    def forward64(self, inputs: Tensors, model: torch.nn.Module | None = None, random: int | None = None) -> None:
        del inputs, model, random


class Shaken(Wide):
    """A unit in float64 whose weights are moved a little at each call, as far as float32 would round them."""

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__(job)
        self.generator = torch.Generator()

    def call(self, inputs: Tensors, model: torch.nn.Module | None = None, random: int | None = None) -> Tensors:
        with self.as_rounded(model):
            return super().call(inputs, model, random)

    @contextlib.contextmanager
    def as_rounded(self, model: torch.nn.Module | None = None) -> Iterator[None]:
        parameters = [parameter for parameter in (model or self.model).parameters() if parameter.dtype == torch.float64]
        kept = [parameter.detach().clone() for parameter in parameters]
        try:
            with torch.no_grad():
                for parameter in parameters:
                    noise = torch.randn(parameter.shape, generator=self.generator, dtype=torch.float64)
                    parameter.mul_(1 + ROUNDING * noise)
            yield
        finally:
            with torch.no_grad():
                for parameter, before in zip(parameters, kept, strict=True):
                    parameter.copy_(before)


def _widened(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def named_tensors(output: Any) -> Tensors:
    """Every tensor of a model's output by its dotted name. Caches are state, not output, and are left out."""
    return {name: tensor.detach() for name, tensor in walk(output)}


def walk(value: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of nested dictionaries, lists and tuples, with their dotted names."""
    if isinstance(value, torch.Tensor):
        yield name or "output", value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from walk(item, f"{name}.{index}" if name else str(index))
