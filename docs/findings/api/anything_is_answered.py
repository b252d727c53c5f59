"""Requests that the API refuses are answered with 200, so that a mistake in a program shows first with the API itself: another model than
the one that is served, or none; `messages` that are a text or an object (Claude's dialect); and in aimock whatever has a wrong type, and
limits.

llama.cpp's server (xllamacpp 2026.10.11549), aimock (1.43.0).
"""

from asking import ask, show

MESSAGES = [{"role": "user", "content": "hello"}]
for route in ("/v1/chat/completions", "/v1/messages"):
    chat = {"model": "tiny", "max_tokens": 3, "messages": MESSAGES}
    for name, other in (
        ("another model", chat | {"model": "there-is-no-such-model"}),
        ("no model", {"max_tokens": 3, "messages": MESSAGES}),
        ("messages that are a text", chat | {"messages": "hello"}),
        ("messages that are an object", chat | {"messages": MESSAGES[0]}),
        ("max_tokens that is a word", chat | {"max_tokens": "many"}),
        ("as it should be", chat),
    ):
        show(f"{route}, {name}", ask("POST", route, other))
