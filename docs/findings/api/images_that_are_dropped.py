"""An image beside words is dropped without a word, and the words alone are answered: the question has as many tokens with it as without.
What a server, or its model, can't see is to be refused.

`transformers serve` (5.23.0) with a model of texts; LiteLLM's proxy (1.106.2) on Gemini's route alone (`inlineData`), in front of a server
that refuses images: on OpenAI's route they reach it. llama.cpp's server (xllamacpp 2026.10.11549) refuses them, with a 500, which clients
try again.
"""

import json

from asking import MODEL, ask

IMAGE = (
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAZklEQVR42u3ZwQkAIAwDwI7SLVzHDV3GgZyhBUHwIO/Qe4ZG5ixlr1HK7f4AAAAAAAAAAAAAAGgDXjuo2g8A"
    "AAAAAAAAAAAA0AdYZAAAAAAAAAAAAAD+AxYZAAAAAAAAAAAAwHeAA7G50Q/KwvLfAAAAAElFTkSuQmCC"
)
WORDS = "Which colours has this?"
PART = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}
PARTS = [{"text": WORDS}, {"inlineData": {"mimeType": "image/png", "data": IMAGE}}]


def told(name: str, answer: tuple[int, str], *places: str) -> None:
    """The tokens of the question, or what came in their place."""
    status, body = answer
    try:
        usage = json.loads(body)[places[0]][places[1]]
    except (ValueError, KeyError, TypeError):
        usage = body[:120]
    print(f"{name}: {status} {usage}")


for name, content in (("words", WORDS), ("words and an image", [{"type": "text", "text": WORDS}, PART])):
    chat = {"model": MODEL, "max_tokens": 4, "messages": [{"role": "user", "content": content}]}
    told(f"/v1/chat/completions, {name}", ask("POST", "/v1/chat/completions", chat), "usage", "prompt_tokens")
for name, parts in (("words", PARTS[:1]), ("words and an image", PARTS)):
    body = {"contents": [{"role": "user", "parts": parts}], "generationConfig": {"maxOutputTokens": 4}}
    answer = ask("POST", "/v1beta/models/tiny:generateContent", body)
    told(f"/v1beta/models/tiny:generateContent, {name}", answer, "usageMetadata", "promptTokenCount")
