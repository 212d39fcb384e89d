"""Expose GPU functions via RPC interface."""

import asyncio
import json
import sys
from pathlib import Path

from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Workspace

sys.path.append(str(Path(__file__).parents[1]))
from choices import choose


async def main():
    """Set up, print what there is as JSON, and talk with the target."""
    chosen = choose(__doc__, full="google/gemma-2-9b")
    example_dir = Path(__file__).parent

    # Create scoped sandbox with GPU
    config = SandboxConfig(
        gpu=chosen.gpu,
        models=[ModelConfig(name=chosen.model)],
        # For a target that is behind an API
        python_packages=["torch", "transformers", *(["anthropic", "openai"] * chosen.full)],
        secrets=["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HF_TOKEN"] if chosen.full else [],
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
        ),
        flush=True,
    )

    # Now you can use the MCP tools from your local code
    import conversation_tools

    print(conversation_tools.initialize_target("You are a helpful assistant. Answer in one word."))
    for question in ("What is the capital of France?", "And of Italy?"):
        print(f"You:    {question}")
        print(f"Target: {conversation_tools.send_to_target(question)['content']}", flush=True)
    scoped.terminate()


if __name__ == "__main__":
    asyncio.run(main())
