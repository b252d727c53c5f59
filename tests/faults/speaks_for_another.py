"""The worker reports a check as if it were another unit's"""

import json
import os
import stat
import struct

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker reports a check as if it were another unit's",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        message = json.dumps(
            {
                "observed": {
                    "check": "fault.it",
                    "observation": {},
                    "unit": 1,
                    "subject": "distilbert",
                }
            }
        ).encode()
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
