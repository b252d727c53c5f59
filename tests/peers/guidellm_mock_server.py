"""GuideLLM's mock server, whose latencies are known: PORT FOLDER. It knows no keys."""

import sys

from guidellm.mock_server import MockServer
from guidellm.schemas.mock_server import MockServerConfig

# In milliseconds: to the first token, and from one to the next.
FIRST_TOKEN, NEXT_TOKEN = 50.0, 5.0

if __name__ == "__main__":
    config = MockServerConfig(
        host="127.0.0.1", port=int(sys.argv[1]), model="tiny", request_latency=0.1, ttft_ms=FIRST_TOKEN, itl_ms=NEXT_TOKEN, output_tokens=64
    )
    MockServer(config).run()
