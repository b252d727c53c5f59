"""`transformers serve` (5.23.0): a stream of OpenAI's chats ends without `data: [DONE]`, by which a client knows that it is whole and not
cut off. Responses are streamed though nobody asked for a stream: OpenAI's default is none.
"""

from asking import MODEL, ask, show

CHAT = {"model": MODEL, "max_tokens": 4, "stream": True, "messages": [{"role": "user", "content": "hello"}]}
lines = [line for line in ask("POST", "/v1/chat/completions", CHAT)[1].splitlines() if line.startswith("data:")]
print(f"chat: the last of {len(lines)} events is {lines[-1][:100]}")
show("responses, not streamed", ask("POST", "/v1/responses", {"model": MODEL, "input": "hello", "max_output_tokens": 16}))
