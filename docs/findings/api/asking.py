"""What the scripts beside this one have in common: `python SCRIPT.py http://127.0.0.1:PORT [KEY [MODEL]]` asks a server that runs there."""

import json
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

BASE = urlsplit(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080")
KEY = (sys.argv[2] if len(sys.argv) > 2 else None) or None
MODEL = sys.argv[3] if len(sys.argv) > 3 else "tiny"


def ask(method: str, route: str, body: object = None, key: str | None = KEY, seconds: float = 60) -> tuple[int, str]:
    """Status and body. Bytes are sent as they are, anything else as JSON; the key in each header that some dialect has for it."""
    headers = {"content-type": "application/json"}
    if key:
        headers |= {"authorization": f"Bearer {key}", "x-api-key": key, "x-goog-api-key": key}
    content = body if isinstance(body, bytes) or body is None else json.dumps(body)
    connection = HTTPConnection(BASE.hostname or "127.0.0.1", BASE.port, timeout=seconds)
    connection.request(method, route, content, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def show(name: str, answer: tuple[int, str]) -> None:
    """One line."""
    status, body = answer
    print(f"{name}: {status} {' '.join(body.split())[:160]}")
