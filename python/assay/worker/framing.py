"""Messages on a Unix stream socket: four bytes of length, big-endian, then one JSON value (`protocol.rs`)."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 64 * 1024 * 1024


def send(connection: socket.socket, message: Any) -> None:
    """Sends one message. Raises `ValueError` for a number that JSON doesn't have, `OSError` if nobody listens."""
    # Half a surrogate pair (a file name that is no UTF-8, in an exception's message) has no place in JSON: `?` stands for it.
    body = json.dumps(message, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    if len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"a message of {len(body)} bytes, at most {MAX_FRAME_BYTES} are allowed")
    connection.sendall(struct.pack(">I", len(body)) + body)


def receive(connection: socket.socket) -> Any:
    """The next message; `None` at the end of the stream."""
    head = _exactly(connection, 4)
    if head is None:
        return None
    body = _exactly(connection, struct.unpack(">I", head)[0])
    return None if body is None else json.loads(body)


def receive_with_descriptors(connection: socket.socket, count: int) -> tuple[Any, list[int]]:
    """The next message and the descriptors that came with its first byte; `(None, [])` at the end of the stream."""
    first, descriptors, _, _ = socket.recv_fds(connection, 1, count)
    if not first:
        return None, []
    rest = _exactly(connection, 3)
    if rest is None:
        return None, []
    body = _exactly(connection, struct.unpack(">I", first + rest)[0])
    return (None if body is None else json.loads(body)), list(descriptors)


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
