"""The worker says that it ran on a device that was not asked for"""

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker says that it ran on a device that was not asked for",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        seen = assay.Observation()
        seen.fields["devices"] = ["cuda"]
        return seen
    return None


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
