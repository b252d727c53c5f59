"""Exceptions and messages that are hard to send."""

import json
import socket

from assay import raised
from assay.worker import framing


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


def test_an_exception_that_can_not_be_printed_is_described():
    assert raised.describe(Mute(), "subject")["message"] == "(its message can't be told: RuntimeError)"


def test_what_is_no_text_arrives_as_valid_json():
    here, there = socket.socketpair()
    with here, there:
        framing.send(here, raised.describe(OSError("no file a\udcffb, \ud83d"), "subject"))
        body = there.recv(1 << 16)[4:]
    # `json.loads` accepts half a surrogate pair; the runner, which is strict, does not.
    assert json.loads(body.decode())["message"] == "no file a?b, ?"
    assert b"\\ud" not in body


def test_words_of_those_who_have_no_memory():
    """As onnxruntime's arena and C++ say it."""
    for words in ("Failed to allocate memory for requested buffer of size 34359738368", "std::bad_alloc", "bad allocation"):
        assert raised.describe(RuntimeError(words), "subject")["out_of_memory"]
    assert not raised.describe(RuntimeError("failed to allocate a name"), "subject")["out_of_memory"]


def test_a_part_of_a_package_that_is_there_is_no_missing_package():
    def missing(name):
        try:
            __import__(name)
        except ImportError as error:
            return raised.describe(error, "subject")["missing_package"]

    assert missing("no_such_package.part") == "no_such_package"
    assert missing("numpy.no_such_part") is None
