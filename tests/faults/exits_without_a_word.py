"""The worker leaves with status 0 in the middle of a check"""

import os

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker leaves with status 0 in the middle of a check",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        os._exit(0)


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
