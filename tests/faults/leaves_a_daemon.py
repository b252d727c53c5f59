"""The worker leaves a process behind that moved to a session of its own"""

import os
import time

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker leaves a process behind that moved to a session of its own",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
        os.wait()


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
