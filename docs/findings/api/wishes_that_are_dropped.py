"""`transformers serve` (5.23.0): a tool that has to be called (`tool_choice: "required"`) and a schema that an answer has to obey
(`response_format`) are dropped without a word, and answered with any text: the model writes as if neither had been asked for. What a server
can't do is to be refused.

llama.cpp's server (xllamacpp 2026.10.11549) obeys schemas, and drops tools where the template of its model has none.
"""

from asking import MODEL, ask, show

CHAT = {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": "Which metal is it?"}]}
METAL = {"type": "object", "properties": {"metal": {"enum": ["gold", "lead"]}}, "required": ["metal"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "weigh", "parameters": METAL}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "metal", "strict": True, "schema": METAL}}
show("a tool that has to be called", ask("POST", "/v1/chat/completions", CHAT | {"tools": [TOOL], "tool_choice": "required"}))
show("an answer in a schema", ask("POST", "/v1/chat/completions", CHAT | {"response_format": SCHEMA}))
