"""openai 3.54.0: a quota that is used up (`insufficient_quota`) is asked for again, though no waiting brings it back: three requests for one.

`pip install openai==3.54.0`, then `python client_that_asks_for_a_quota_again.py`.
"""

import http.server
import json
import threading

import openai

BODY = json.dumps(
    {"error": {"message": "used up", "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}}
).encode()
heard = []


class Server(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        heard.append(self.path)
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(429)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
try:
    client.chat.completions.create(model="any", messages=[{"role": "user", "content": "What is gold?"}])
except openai.RateLimitError as error:
    print(error.code)
print(len(heard), "requests")
