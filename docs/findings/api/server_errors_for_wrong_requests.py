"""Requests that are the client's fault are answered with 500, which a client tries again (RFC 9110 § 15.5: 4xx).

llama.cpp's server (xllamacpp 2026.10.11549): Claude's dialect without `messages`. `transformers serve` (5.23.0): everything below, as a
plain text. LiteLLM's proxy (1.106.2): wrong types in Claude's and Gemini's dialects; no key, in every dialect.
"""

from asking import KEY, MODEL, ask, show

CHAT = {"model": MODEL, "max_tokens": 4, "messages": [{"role": "user", "content": "hello"}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
WRONG = [
    ("/v1/chat/completions", "without messages", {"model": MODEL}),
    ("/v1/chat/completions", "messages that are a text", CHAT | {"messages": "hello"}),
    ("/v1/chat/completions", "a message that is a number", CHAT | {"messages": [7]}),
    ("/v1/chat/completions", "max_tokens that is a word", CHAT | {"max_tokens": "many"}),
    ("/v1/messages", "without messages", {"model": MODEL, "max_tokens": 4}),
    ("/v1/messages", "messages that are a text", CHAT | {"messages": "hello"}),
    ("/v1/messages", "a message that is a number", CHAT | {"messages": [7]}),
    ("/v1beta/models/tiny:generateContent", "contents that are a number", {"contents": 7}),
    ("/v1beta/models/tiny:generateContent", "a limit that is a word", CONTENTS | {"generationConfig": {"maxOutputTokens": "many"}}),
]
for route, name, body in WRONG:
    show(f"{route}, {name}", ask("POST", route, body))
show("/v1/audio/transcriptions", ask("POST", "/v1/audio/transcriptions", {"model": MODEL}))
if KEY:
    show("/v1/chat/completions, no key", ask("POST", "/v1/chat/completions", CHAT, None))
