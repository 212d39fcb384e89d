"""Serve two interfaces around one target model to an auditing agent: `python setup.py MODEL`.

MODEL is a Hugging Face id, a directory or a GGUF file. Start the agent in `workspace`, where its
`.mcp.json` is, and press Enter here when it is done.
"""

import json
import sys
from pathlib import Path

from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Workspace


def main(model: str) -> None:
    """Serve, and print where the agent works as JSON."""
    folder = Path(__file__).parent
    config = SandboxConfig(models=[ModelConfig(name=model)])

    with ScopedSandbox(config) as scoped:
        servers = [
            scoped.serve(folder / f"{name}_interface.py", expose_as="mcp", name=name)
            for name in ("conversation", "whitebox")
        ]
        session = create_local_session(
            workspace=Workspace(libraries=servers),
            workspace_dir=folder / "workspace",
            name="audit",
        )
        print(json.dumps({"status": "ready", "workspace_dir": str(session.workspace_dir)}))
        sys.stdout.flush()
        sys.stdin.readline()


if __name__ == "__main__":
    main(sys.argv[1])
