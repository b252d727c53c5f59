"""The worker leaves a process behind, in its own group"""

import os
import time

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker leaves a process behind, in its own group",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY and os.fork() == 0:
        time.sleep(600)
        os._exit(0)


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
