"""The worker reports a check that it did not begin"""

import json
import os
import stat
import struct

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker reports a check that it did not begin",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        message = json.dumps({"observed": {"check": "fault.after", "observation": {}}}).encode()
        for descriptor in range(3, 64):
            try:
                if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                    os.write(descriptor, struct.pack(">I", len(message)) + message)
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
