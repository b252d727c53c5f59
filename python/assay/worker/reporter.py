"""What a child says while it works; nothing here decides anything."""

from __future__ import annotations

import socket
from typing import Any

from assay.worker import framing


class Reporter:
    """Sends the messages of one child, in the order that `protocol.rs` allows."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def stage(self, name: str) -> None:
        """What is done outside a check, so that a crash there can name it."""
        framing.send(self._connection, {"stage": {"name": name}})

    def check_started(self, check: str) -> None:
        """A check begins; no other is open."""
        framing.send(self._connection, {"check_started": {"check": check}})

    def observed(self, check: str, observation: dict[str, Any]) -> None:
        """The open check ended."""
        framing.send(self._connection, {"observed": {"check": check, "observation": observation}})

    def evidence(self, evidence: dict[str, Any]) -> None:
        """Evidence that a real model ran, for all checks of this child."""
        framing.send(self._connection, {"evidence": evidence})

    def discovered(self, architectures: list[dict], workflows: list[dict], observers: list[str], registered: list[dict]) -> None:
        """The answer to a discovery."""
        answer = {"architectures": architectures, "workflows": workflows, "observers": observers, "registered_checks": registered}
        framing.send(self._connection, {"discovered": answer})

    def detected(self, present: dict[str, Any]) -> None:
        """The answer to what there is of a platform."""
        framing.send(self._connection, {"detected": present})

    def probed(self, probed: dict[str, Any]) -> None:
        """The answer to a probe."""
        framing.send(self._connection, {"probed": probed})
