"""Serve an interface and call its functions from here: `python setup.py MODEL`.

MODEL is a Hugging Face id, a directory or a GGUF file.
"""

import asyncio
import json
import sys
from pathlib import Path

from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Workspace

TEXTS = ["The cat sat on the mat.", "The cat sat on the theorem."]


async def main(model: str) -> None:
    """Set up, call, and print what came back as JSON."""
    folder = Path(__file__).parent
    config = SandboxConfig(models=[ModelConfig(name=model)])

    with ScopedSandbox(config) as scoped:
        tools = scoped.serve(folder / "interface.py", expose_as="library", name="model_tools")
        create_local_session(
            workspace=Workspace(libraries=[tools]),
            workspace_dir=folder / "workspace",
            name="surprise",
        )

        import model_tools
        from model_tools import aio

        surprises = model_tools.surprise(TEXTS)
        recent = await aio.most_recent()

    print(json.dumps({"surprises": surprises, "most_recent": recent}, indent=2))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
