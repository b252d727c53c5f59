"""The worker leaves folders in its scratch folder that can't be written"""

import os

import assay

ONLY = "bert"


@assay.check(
    "fault.it",
    asserts="The worker leaves folders in its scratch folder that can't be written",
    bug="planted",
    rule="completes",
)
def it(unit):
    if unit.subject["name"] == ONLY:
        os.makedirs("inner/folder")
        with open("inner/folder/file", "w") as file:
            file.write("x")
        os.chmod("inner/folder", 0o500)
        os.chmod("inner", 0o500)


@assay.check(
    "fault.after",
    asserts="the case after it still runs",
    bug="planted",
    rule="completes",
)
def after(unit):
    unit.forward(unit.inputs)
