"""LiteLLM's proxy (1.106.2): a client that leaves a stream does not end it. The server behind goes on, and who comes next waits for as
long. llama.cpp's server itself (xllamacpp 2026.10.11549) frees the place at once.
"""

import json
import time
from http.client import HTTPConnection

from asking import BASE, KEY, MODEL, ask

LEFT = 6


def chat(words: str, most: int) -> dict:
    return {"model": MODEL, "max_tokens": most, "temperature": 0, "messages": [{"role": "user", "content": f"{words} ({time.time()})"}]}


def leave() -> None:
    """Begins a long stream, and leaves after eight events."""
    connection = HTTPConnection(BASE.hostname or "127.0.0.1", BASE.port, timeout=60)
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    connection.request("POST", "/v1/chat/completions", json.dumps(chat("Tell a long story.", 4000) | {"stream": True}), headers)
    answer = connection.getresponse()
    for _ in range(16):
        answer.readline()
    answer.close()
    connection.close()


def waited() -> float:
    began = time.monotonic()
    ask("POST", "/v1/chat/completions", chat("Say something.", 1))
    return time.monotonic() - began


print(f"one token, alone: {waited():.2f} s")
for number in range(1, LEFT + 1):
    leave()
    print(f"one token, once {number} have left: {waited():.2f} s")
