"""LiteLLM's proxy (1.106.2) without a database: a wrong key is refused with 400 (`no_db_connection`), none with a 500 that says nothing:
neither with 401, by which a client knows that its key is at fault. The 500 comes of an import: what words the refusal looks for an error of
`prisma`, a package that the extra `proxy` does not bring.
"""

from asking import ask, show

CHAT = {"model": "tiny", "max_tokens": 4, "messages": [{"role": "user", "content": "hello"}]}
for route in ("/v1/chat/completions", "/v1/messages"):
    show(f"{route}, a wrong key", ask("POST", route, CHAT, "sk-wrong"))
    show(f"{route}, no key", ask("POST", route, CHAT, None))
