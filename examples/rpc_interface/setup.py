"""Pattern 4: local code calls functions that run beside the model."""

import asyncio
import json
import sys
from pathlib import Path

from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Workspace

sys.path.append(str(Path(__file__).parents[1]))
from choices import choose

TEXTS = ["The cat sat on the mat.", "The cat sat on the theorem."]


async def main() -> None:
    """Set up, call, and print what came back as JSON."""
    chosen = choose(__doc__, full="google/gemma-2-9b")
    folder = Path(__file__).parent
    config = SandboxConfig(
        gpu=chosen.gpu,
        models=[ModelConfig(name=chosen.model)],
        secrets=["HF_TOKEN"] if chosen.full else [],
    )

    with ScopedSandbox(config) as scoped:
        tools = scoped.serve(folder / "interface.py", expose_as="library", name="model_tools")
        create_local_session(
            workspace=Workspace(libraries=[tools]),
            workspace_dir=folder / "workspace",
            name="surprise",
        )

        # -> local code can import and call GPU functions via RPC
        import model_tools
        from model_tools import aio

        surprises = model_tools.surprise(TEXTS)
        recent = await aio.most_recent()

    print(json.dumps({"surprises": surprises, "most_recent": recent}, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
