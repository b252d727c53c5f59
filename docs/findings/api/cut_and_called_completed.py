"""llama.cpp's server, OpenAI's responses (xllamacpp 2026.10.11549): an answer that `max_output_tokens` cut is `completed`, and says nowhere
that something is missing. OpenAI's reference: `status` is `incomplete`, and `incomplete_details.reason` is `max_output_tokens`. LiteLLM's
proxy (1.106.2) hands it on, and makes `end_turn` of it in Claude's dialect. The same server's chats say `length`.
"""

import json

from asking import MODEL, ask

body = json.loads(ask("POST", "/v1/responses", {"model": MODEL, "input": "Tell a long story.", "max_output_tokens": 16})[1])
print(f"responses: {body['status']}, incomplete_details {body.get('incomplete_details')}, {body['usage']['output_tokens']} tokens of 16")
chat = {"model": MODEL, "max_tokens": 16, "messages": [{"role": "user", "content": "Tell a long story."}]}
body = json.loads(ask("POST", "/v1/chat/completions", chat)[1])
print(f"chat: {body['choices'][0]['finish_reason']}, {body['usage']['completion_tokens']} tokens of 16")
body = json.loads(ask("POST", "/v1/messages", chat)[1])
print(f"messages: {body['stop_reason']}, {body['usage']['output_tokens']} tokens of 16")
