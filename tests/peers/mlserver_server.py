"""MLServer's KServe v2 with a model of eight numbers, `tiny`: PORT FOLDER. It knows no keys."""

import json
import os
import socket
import sys
from pathlib import Path

RUNTIME = '''
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Tiny(MLModel):
    """Four numbers in, two out."""

    async def load(self) -> bool:
        self.weights = np.arange(8, dtype=np.float32).reshape(4, 2) - 3
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        given = NumpyCodec.decode_input(payload.inputs[0])
        made = NumpyCodec.encode_output("y", np.tanh(given @ self.weights))
        return InferenceResponse(model_name=self.name, id=payload.id, outputs=[made])
'''
MODEL = {
    "name": "tiny",
    "implementation": "tiny_runtime.Tiny",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


port, folder = int(sys.argv[1]), Path(sys.argv[2])
settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "parallel_workers": 0}
(folder / "settings.json").write_text(json.dumps(settings))
(folder / "model-settings.json").write_text(json.dumps(MODEL))
(folder / "tiny_runtime.py").write_text(RUNTIME)
os.chdir(folder)
sys.path.insert(0, str(folder))
sys.argv = ["mlserver", "start", "."]

from mlserver.cli import main  # noqa: E402

main()
