"""Pattern 5: API keys and credentials, which the sandbox has as environment variables."""

import json
from functools import partial

from choices import choose

from seer_rpc.environment import Sandbox, SandboxConfig
from seer_rpc.execution import create_notebook_session
from seer_rpc.workspace import Workspace

KEYS = """
import os

hf_token = os.environ.get("HF_TOKEN")
openai_key = os.environ.get("OPENAI_API_KEY")
anthropic_key = os.environ.get("ANTHROPIC_API_KEY")
for name in ("HF_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
    print(f"{name}: {'is here' if os.environ.get(name) else 'is not set'}")
"""

chosen = choose(__doc__)
config = SandboxConfig(
    gpu=chosen.gpu,
    secrets=["HF_TOKEN", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"],
)
sandbox = Sandbox(config).start()
session = create_notebook_session(sandbox, Workspace(), keep=chosen.keep)
print(
    json.dumps({"session_id": session.session_id, "jupyter_url": session.jupyter_url}), flush=True
)
session.exec(KEYS, on_text=partial(print, end="", flush=True))
if not chosen.keep:
    session.terminate()
