"""Lists of models that a client can't read: `transformers serve` (5.23.0) answers 500 where there is no cache of the hub, and never lists
the model that it is pinned to; LiteLLM's proxy (1.106.2) and aimock (1.43.0) have Gemini's calls, and no list of models for them.
"""

from asking import ask, show

for route in ("/v1/models", "/v1beta/models"):
    show(route, ask("GET", route))
