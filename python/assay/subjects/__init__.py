"""Subjects: how an architecture or a checkpoint becomes a model with inputs, and what it is."""

from assay.subjects.build import load_model
from assay.subjects.card import design_key_of_checkpoint
from assay.subjects.chain import Chain, make_config, make_model
from assay.subjects.designs import (
    design_key,
    infinite_outputs,
    memories,
    other_gradients,
    other_in_training,
    other_labels,
    stale_modules,
    turning_outputs,
    unregistered_tensors,
    untrained_tensors,
    unused_inputs,
    unused_modules,
)
from assay.subjects.hiding import covered
from assay.subjects.inputs import batch_of, input_specs, make_inputs, masks, variants
from assay.subjects.probe import find_facts, probe
from assay.subjects.reading import LONG, TEXT, WINDOWED, layer_kinds, long_length
from assay.subjects.sessions import call
from assay.subjects.specs import CONTENT, InputSpec, draw, join_rows, rows_of

__all__ = [
    "CONTENT",
    "LONG",
    "TEXT",
    "WINDOWED",
    "Chain",
    "InputSpec",
    "batch_of",
    "call",
    "covered",
    "design_key",
    "design_key_of_checkpoint",
    "draw",
    "find_facts",
    "infinite_outputs",
    "input_specs",
    "join_rows",
    "layer_kinds",
    "load_model",
    "long_length",
    "make_config",
    "make_inputs",
    "make_model",
    "masks",
    "memories",
    "other_gradients",
    "other_in_training",
    "other_labels",
    "probe",
    "rows_of",
    "stale_modules",
    "turning_outputs",
    "unregistered_tensors",
    "untrained_tensors",
    "unused_inputs",
    "unused_modules",
    "variants",
]
