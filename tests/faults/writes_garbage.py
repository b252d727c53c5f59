"""The worker writes garbage to its socket"""

import os
import stat

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker writes garbage to its socket",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        for descriptor in range(3, 64):
            try:
                if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                    os.write(descriptor, b"\x00\x00\x00\x08garbage!")
            except OSError:
                continue


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
