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
