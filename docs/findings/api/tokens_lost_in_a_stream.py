"""LiteLLM's proxy (1.106.2), Gemini's dialect: the tokens of the question are counted in a whole answer, and are 0 in a stream."""

import json

from asking import ask

BODY = {"contents": [{"role": "user", "parts": [{"text": "Tell a long story."}]}], "generationConfig": {"maxOutputTokens": 8}}
whole = json.loads(ask("POST", "/v1beta/models/tiny:generateContent", BODY)[1])
print("whole:", whole["usageMetadata"])
stream = ask("POST", "/v1beta/models/tiny:streamGenerateContent?alt=sse", BODY)[1]
events = [json.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line.startswith("data: {")]
print("stream:", [event["usageMetadata"] for event in events if "usageMetadata" in event])
