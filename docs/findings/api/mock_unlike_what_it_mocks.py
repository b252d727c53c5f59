"""aimock (1.43.0) differs from the APIs that it stands in for, so that what passes with it may fail with them: no tokens are counted in
Claude's, Gemini's and Ollama's dialects (0, with a text); a limit of tokens is not kept (OpenAI's, and called `stop`); Gemini's calls of a
tool end with `FUNCTION_CALL`, which no such enumeration has; moderations of two texts have one result; Ollama's `/` and `/api/embed` are
not there as Ollama has them; embeddings do not have length 1, as OpenAI's have.
"""

import json
import math

from asking import ask, show

CHAT = {"model": "tiny", "max_tokens": 3, "stream": False, "messages": [{"role": "user", "content": "Say something."}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Say something."}]}]}
TOOL = {"name": "weigh", "parameters": {"type": "OBJECT", "properties": {"metal": {"type": "STRING"}}}}
TOOLS = {"tools": [{"functionDeclarations": [TOOL]}]}
openai = json.loads(ask("POST", "/v1/chat/completions", CHAT)[1])
print("OpenAI's limit of 3:", openai["usage"], openai["choices"][0]["finish_reason"])
print("Claude's tokens:", json.loads(ask("POST", "/v1/messages", CHAT)[1])["usage"])
gemini = "/v1beta/models/tiny:generateContent"
print("Gemini's tokens:", json.loads(ask("POST", gemini, CONTENTS)[1])["usageMetadata"])
print("Gemini's tool:", json.loads(ask("POST", gemini, CONTENTS | TOOLS)[1])["candidates"][0]["finishReason"])
ollama = json.loads(ask("POST", "/api/chat", CHAT)[1])
print("Ollama's tokens:", ollama.get("prompt_eval_count"), ollama.get("eval_count"))
show("Ollama's /", ask("GET", "/"))
show("Ollama's embed", ask("POST", "/api/embed", {"model": "tiny", "input": ["gold", "lead"]}))
print("results of moderations:", len(json.loads(ask("POST", "/v1/moderations", {"input": ["gold", "lead"]})[1])["results"]), "of 2")
vectors = json.loads(ask("POST", "/v1/embeddings", {"model": "tiny", "input": ["gold", "lead"]})[1])["data"]
print("lengths of vectors:", [round(math.hypot(*row["embedding"]), 2) for row in vectors])
