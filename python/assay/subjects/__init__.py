"""Subjects: how an architecture or a checkpoint becomes a model with inputs, and what it is."""

from assay.subjects.build import make_config, make_model
from assay.subjects.inputs import InputSpec, input_specs, make_inputs, variants
from assay.subjects.probe import find_facts, probe

__all__ = ["InputSpec", "find_facts", "input_specs", "make_config", "make_inputs", "make_model", "probe", "variants"]
