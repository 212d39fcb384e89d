"""Expose GPU functions via RPC interface."""

import asyncio
import json
from pathlib import Path

from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Workspace


async def main():
    """Set up, and print what there is as JSON."""
    example_dir = Path(__file__).parent

    # Create scoped sandbox with GPU
    config = SandboxConfig(
        gpu="A100",
        models=[ModelConfig(name="google/gemma-2-9b")],
        python_packages=["torch", "transformers", "anthropic", "openai"],
        secrets=["ANTHROPIC_API_KEY", "OPENAI_API_KEY"],
    )

    scoped = ScopedSandbox(config)
    scoped.start()

    # Serve interface as MCP server
    interface_lib = scoped.serve(
        str(example_dir / "conversation_interface.py"), expose_as="mcp", name="conversation_tools"
    )

    # Also upload supporting files
    # (they'll be in /root/ alongside interface.py)
    scoped.upload_file(str(example_dir / "target_agent.py"))
    scoped.upload_file(str(example_dir / "prompts.py"))

    # Create local session with MCP tools
    workspace = Workspace(libraries=[interface_lib])

    session = create_local_session(  # noqa: F841 - as the guide writes it
        workspace=workspace,
        workspace_dir=str(example_dir / "workspace"),
        name="multi-agent-experiment",
    )

    print(
        json.dumps(
            {
                "status": "ready",
                "interface": "conversation_tools (MCP)",
                "workspace_dir": str(example_dir / "workspace"),
            }
        )
    )

    # Now you can use the MCP tools from your local code


if __name__ == "__main__":
    asyncio.run(main())
