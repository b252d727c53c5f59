"""Errors on Claude's, Gemini's and Ollama's routes in OpenAI's shape: a client of those APIs can't read them. Claude's is `{"type":
"error", "error": {"type", "message"}}`, Gemini's `{"error": {"code", "message", "status"}}` with a `status` like INVALID_ARGUMENT, Ollama's
`{"error": "words"}`.

llama.cpp's server (xllamacpp 2026.10.11549: Claude's), LiteLLM's proxy (1.106.2: Claude's and Gemini's), aimock (1.43.0: Claude's and
Ollama's). `transformers serve` (5.23.0) has FastAPI's shape (`{"detail"}`) in OpenAI's dialect, whose is `{"error": {"message", "type"}}`.
"""

from asking import KEY, ask, show

for route in ("/v1/chat/completions", "/v1/messages", "/v1beta/models/tiny:generateContent", "/api/chat"):
    show(f"no JSON to {route}", ask("POST", route, b'{"model": '))
    show(f"an empty request to {route}", ask("POST", route, {}))
    if KEY:
        show(f"a wrong key to {route}", ask("POST", route, {}, "sk-wrong"))
