"""The worker dereferences a null pointer"""

import ctypes

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker dereferences a null pointer",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        ctypes.string_at(0)


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
