"""The worker fills shared memory, which no limit on data counts"""

import mmap

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker fills shared memory, which no limit on data counts",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        hoard = []
        while True:
            hoard.append(mmap.mmap(-1, 64 << 20))
            hoard[-1].write(b"x" * (64 << 20))


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
