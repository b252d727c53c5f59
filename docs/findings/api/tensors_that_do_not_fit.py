"""An input of fewer numbers than its shape has is a failure of the server's (500), which clients try again, and a request that is none is
refused in FastAPI's shape (`{"detail"}`): KServe's protocol has 4xx and `{"error": "words"}` for both.

MLServer (1.7.1).
"""

from asking import MODEL, ask, show

route = f"/v2/models/{MODEL}/infer"
right = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1.0, 2.0, 3.0, 4.0]}
show("four numbers of four", ask("POST", route, {"inputs": [right]}))
show("three numbers of four", ask("POST", route, {"inputs": [right | {"data": [1.0, 2.0, 3.0]}]}))
show("no JSON", ask("POST", route, b'{"inputs": '))
show("no inputs", ask("POST", route, {}))
show("another model", ask("POST", "/v2/models/there-is-no-such-model/infer", {"inputs": [right]}))
