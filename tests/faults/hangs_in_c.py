"""The worker waits in C, where no Python runs"""

import ctypes

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker waits in C, where no Python runs",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        ctypes.CDLL(None).pause()


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
