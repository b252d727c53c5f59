"""LiteLLM's proxy (1.106.2), Claude's dialect in front of a server of OpenAI's: `max_tokens` below 16 becomes 16 without a word, since it
asks by OpenAI's responses, whose least limit that is. More tokens are made, and paid for, than were asked for.
"""

import json

from asking import ask

for most in (1, 3, 20):
    chat = {"model": "tiny", "max_tokens": most, "messages": [{"role": "user", "content": "Tell a long story."}]}
    body = json.loads(ask("POST", "/v1/messages", chat)[1])
    print(f"max_tokens {most}: {body['usage']['output_tokens']} tokens, {body['stop_reason']}")
