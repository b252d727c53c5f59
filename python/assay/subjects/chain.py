"""A workflow: several models, each link fed by what the one before gives out. To the rest of the worker it is one model, whose parts are
the links: weights are drawn by name over all of them, and layers are captured while the whole chain runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from assay import raised
from assay.subjects import build, inputs, making, specs

PREFIX = "workflow"


@dataclass(frozen=True)
class Link:
    """One model of a workflow: an architecture, made small as everywhere, with the fields that its place in the chain asks for."""

    name: str
    architecture: str
    auto_class: str = "AutoModel"
    changes: dict[str, Any] = field(default_factory=dict)

    def subject(self) -> dict[str, Any]:
        """The subject that it would be by itself."""
        return {"kind": "architecture", "name": self.architecture, "auto_class": self.auto_class}

    def shown(self) -> str:
        """The name of that subject."""
        return self.architecture if self.auto_class == "AutoModel" else f"{self.architecture}:{self.auto_class}"


@dataclass(frozen=True)
class Feed:
    """What comes in from outside: an argument of a link's forward, as its recipe draws it; with `count`, so many for each row."""

    name: str
    link: str
    argument: str
    count: int | None = None


@dataclass(frozen=True)
class Flow:
    """What a link gave out, and what the next one takes: a shape, a type, and for whole numbers the size of the table they point into."""

    name: str
    tensor: torch.Tensor
    shape: tuple[int, ...]
    dtype: torch.dtype
    below: int | None
    is_result: bool
    """Whether no link takes it: it is what the chain is for."""
    crossed: bool
    """Whether its second axis is rows, too."""


@dataclass(frozen=True)
class Workflow:
    """A chain as data, and the function that runs it."""

    name: str
    says: str
    links: tuple[Link, ...]
    feeds: tuple[Feed, ...]
    run: Callable[[Chain, dict[str, torch.Tensor]], None]
    join: Callable[[dict[str, torch.nn.Module]], dict[str, torch.nn.Module]] = lambda models: {}
    """Modules between the links: projections, a class that holds two models."""
    facts: tuple[str, ...] = ()


class Chain(torch.nn.Module):
    """The models of a workflow, by the names of their links. Its output is all that flows, and what comes of it, in order."""

    def __init__(self, workflow: Workflow, models: dict[str, torch.nn.Module]) -> None:
        super().__init__()
        self.workflow = workflow
        self.flows: list[Flow] = []
        self.swapped: str | None = None
        """The flow that reaches the next link with its rows in reverse order."""
        for name, model in (models | workflow.join(models)).items():
            self.add_module(name, model)

    def links(self) -> dict[str, torch.nn.Module]:
        """The models by name."""
        return {link.name: self.get_submodule(link.name) for link in self.workflow.links}

    def forward(self, **given: torch.Tensor) -> dict[str, torch.Tensor]:
        """Everything that flows, by name."""
        self.flows = []
        self.workflow.run(self, given)
        return {flow.name: flow.tensor for flow in self.flows}

    def flow(self, name: str, tensor: torch.Tensor, shape: tuple[int, ...], *, below: int | None = None) -> torch.Tensor:
        """Hands a tensor on. `shape` is what the next link takes; `below` the size of the vocabulary, if it is tokens."""
        self._keep(Flow(name, tensor, shape, self.dtype(below), below, is_result=False, crossed=False))
        return tensor.flip(0) if name == self.swapped else tensor

    def result(self, name: str, tensor: torch.Tensor, shape: tuple[int, ...], *, below: int | None = None, crossed: bool = False) -> None:
        """Keeps what the chain gives out."""
        self._keep(Flow(name, tensor, shape, self.dtype(below), below, is_result=True, crossed=crossed))

    def _keep(self, flow: Flow) -> None:
        # A copy: the next link may write over what it gets.
        self.flows.append(replace(flow, tensor=flow.tensor.clone()))

    def dtype(self, below: int | None = None) -> torch.dtype:
        """The type of tokens, or the one in which the models run."""
        if below is not None:
            return torch.int64
        return next(parameter.dtype for parameter in self.parameters() if parameter.is_floating_point())


def make_config(subject: dict[str, Any], recipe: dict[str, Any]) -> Any:
    """The configuration of any subject; of a workflow, those of its links by name."""
    if subject["kind"] != PREFIX:
        return build.make_config(subject, recipe)
    made = recipe["links"]
    return {link.name: build.make_config(link.subject(), made[link.name]) for link in _declared(subject).links}


def make_model(subject: dict[str, Any], config: Any, *, meta: bool = False) -> torch.nn.Module:
    """The model of any subject."""
    if subject["kind"] != PREFIX:
        return build.make_model(subject, config, meta=meta)
    workflow = _declared(subject)
    models = {link.name: build.make_model(link.subject(), config[link.name], meta=meta) for link in workflow.links}
    # What stands in the place of a model is for the evidence to see.
    foreign = [model for model in models.values() if not isinstance(model, torch.nn.Module)]
    return foreign[0] if foreign else Chain(workflow, models).eval()


def probe(subject: dict[str, Any], seed: int) -> dict[str, Any]:
    """The `Probed` of a workflow: the recipes of its links, and what is fed from outside."""
    workflow = _declared(subject)
    began = time.monotonic()
    made: dict[str, dict[str, Any]] = {}
    rows: dict[str, list[specs.InputSpec]] = {}
    stage = "config"
    try:
        for link in workflow.links:
            stage = f"link {link.name}"
            found = making.make(link.subject(), seed)
            own = [{"field": name, "from": None, "to": to, "rule": PREFIX} for name, to in link.changes.items()]
            made[link.name] = {"changes": found.changes + own}
            rows[link.name] = next(iter(found.found.variants.values()))
        stage = "inputs"
        fed = [_fed(feed, rows[feed.link]) for feed in workflow.feeds]
        recipe = {"class": "Chain", "links": made, "inputs": {"all": specs.as_rows(fed)}, "variants": ["all"], "batch": specs.BATCH}
        stage = "build"
        torch.manual_seed(seed)
        model = make_model(subject, make_config(subject, recipe))
        stage = "forward"
        with torch.no_grad():
            model(**inputs.make_inputs(recipe, seed=seed))
    except Exception as exception:
        error = exception.error if isinstance(exception, making.StageError) else exception
        described = raised.describe(error, "subject")
        if described["missing_package"]:
            return {"missing_dependency": {"package": described["missing_package"]}}
        return {"failed": {"stage": stage, "raised": described}}
    facts = find_facts(model, fed, specs.BATCH)
    facts |= {
        "changes": [{**change, "field": f"{name}.{change['field']}"} for name, link in made.items() for change in link["changes"]],
        "seconds": time.monotonic() - began,
    }
    recipe["facts"] = {key: facts[key] for key in ("class", "parameters", "has")}
    return {"ready": {"facts": facts, "recipe": recipe}}


def find_facts(model: torch.nn.Module, fed: list[specs.InputSpec], batch: int) -> dict[str, Any]:
    """What decides which checks apply to a workflow."""
    workflow: Workflow = model.workflow
    return {
        "class": "Chain",
        "family": "other",
        "parameters": making.count(model),
        "has": sorted({PREFIX, *workflow.facts}),
        "inputs": [{"name": spec.name, "shape": [batch, *spec.shape], "dtype": spec.dtype} for spec in fed],
    }


def _fed(feed: Feed, rows: list[specs.InputSpec]) -> specs.InputSpec:
    spec = next((spec for spec in rows if spec.name == feed.argument), None)
    if spec is None:
        raise LookupError(f"the link {feed.link} is not fed {feed.argument}, but {', '.join(spec.name for spec in rows)}")
    shape = spec.shape if feed.count is None else (feed.count, *spec.shape)
    return replace(spec, name=feed.name, shape=shape)


def _declared(subject: dict[str, Any]) -> Workflow:
    from assay.subjects.workflows import WORKFLOWS  # which are made of what stands here

    return next(workflow for workflow in WORKFLOWS if workflow.name == subject["name"])
