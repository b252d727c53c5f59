"""anthropic 2.12.0: a client that is told to wait for an hour does, and nobody hears of it. OpenAI's refuses beyond 120 s.

`pip install anthropic==2.12.0`, then `python client_that_waits_an_hour.py`: it is still waiting when it is left, after 10 s.
"""

import http.server
import threading
import time

import anthropic


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(429)
        self.send_header("retry-after", "3600")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = anthropic.Anthropic(base_url=f"http://127.0.0.1:{server.server_port}", api_key="none")


def ask():
    client.messages.create(model="any", max_tokens=8, messages=[{"role": "user", "content": "What is gold?"}])


call = threading.Thread(target=ask, daemon=True)
began = time.monotonic()
call.start()
call.join(timeout=10)
print(f"after {time.monotonic() - began:.0f} s:", "still waiting" if call.is_alive() else "given up")
