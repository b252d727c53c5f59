"""The worker takes memory without end"""

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker takes memory without end",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        hoard = []
        while True:
            hoard.append(bytearray(64 << 20))


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
