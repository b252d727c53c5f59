"""llama.cpp's server, as the package xllamacpp has it, with a random model: PORT FOLDER. The folder keeps the model."""

import os
import sys
import threading
from pathlib import Path

import tiny_gguf
import xllamacpp

port, folder = int(sys.argv[1]), Path(sys.argv[2])
model = folder / "tiny.gguf"
tiny_gguf.write(model)
parameters = xllamacpp.CommonParams()
parameters.model.path = str(model)
parameters.model_alias = {"tiny"}
parameters.hostnames = ["127.0.0.1"]
parameters.port = port
parameters.n_ctx = 8192
parameters.n_parallel = 2
parameters.cpuparams.n_threads = 1
parameters.api_keys = [os.environ["ASSAY_PEER_KEY"]]
parameters.endpoint_metrics = True
parameters.warmup = False
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
threading.Event().wait()
