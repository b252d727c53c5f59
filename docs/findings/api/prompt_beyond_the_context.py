"""`transformers serve` (5.23.0): a prompt that is longer than the model's context is not refused but computed, and no other question, not
even one token's, is answered until that is done; that the client has left does not end it. With a model of 2,048 positions, a byte a token.
"""

import time

from asking import MODEL, ask


def timed(name: str, words: str, seconds: float) -> None:
    began = time.monotonic()
    try:
        status, body = ask(
            "POST",
            "/v1/chat/completions",
            {"model": MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": words}]},
            seconds=seconds,
        )
        told = f"{status} {body[:80]}"
    except TimeoutError:
        told = "no answer, and the client leaves"
    print(f"{name}: {told} after {time.monotonic() - began:.1f} s")


timed("a short question", "hello", 60)
timed("20,000 letters", "gold " * 4000, 60)
timed("3,000,000 letters", "gold " * 600_000, 5)
timed("a short question after it", "hello", 30)
