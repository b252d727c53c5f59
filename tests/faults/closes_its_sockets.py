"""The worker closes every descriptor but its output, and goes on"""

import os
import time

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker closes every descriptor but its output, and goes on",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        os.closerange(3, 256)
        time.sleep(600)


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
