"""LiteLLM's proxy in front of another peer that speaks OpenAI's dialect: PORT FOLDER."""

import json
import os
import sys
from pathlib import Path

port, folder = sys.argv[1], Path(sys.argv[2])
os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_DOCS": "True", "DISABLE_ADMIN_UI": "True"}
behind = {"model": "openai/tiny", "api_base": os.environ["ASSAY_PEER_BEHIND"], "api_key": os.environ["ASSAY_PEER_KEY"]}
config = {
    "model_list": [{"model_name": "tiny", "litellm_params": behind}],
    "general_settings": {"master_key": os.environ["ASSAY_PEER_KEY"]},
    "litellm_settings": {"num_retries": 0, "telemetry": False},
    "router_settings": {"num_retries": 0, "disable_cooldowns": True},
}
path = folder / "litellm.yaml"
# JSON is YAML.
path.write_text(json.dumps(config))
sys.argv = ["litellm", "--config", str(path), "--host", "127.0.0.1", "--port", port, "--telemetry", "False"]

from litellm import run_server  # noqa: E402 (it reads the environment when it is imported)

run_server()
