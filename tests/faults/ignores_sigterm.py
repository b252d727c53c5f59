"""The worker ignores SIGTERM and spins"""

import signal

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker ignores SIGTERM and spins",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            pass


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
