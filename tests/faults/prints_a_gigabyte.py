"""The worker prints a gigabyte"""

import os

import assay

ONLY = "bert"


@assay.check("fault.it", asserts="The worker prints a gigabyte", bug="planted", rule="completes")
def it(unit):
    if unit.subject["name"] == ONLY:
        line = b"x" * (1 << 20)
        for _ in range(1024):
            view = memoryview(line)
            while view:
                view = view[os.write(1, view) :]


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
