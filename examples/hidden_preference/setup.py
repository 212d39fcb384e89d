"""Investigate hidden preferences in a fine-tuned model (first: make_adapter.py)."""

import asyncio
import json
import sys
from pathlib import Path

from seer_rpc.environment import ExecutionMode, ModelConfig, Sandbox, SandboxConfig
from seer_rpc.execution import create_notebook_session
from seer_rpc.workspace import Library, Workspace

sys.path.append(str(Path(__file__).parents[1]))
from choices import choose


async def main():
    """Set up, and print what an agent needs as JSON."""
    chosen = choose(__doc__)
    example_dir = Path(__file__).parent
    toolkit = example_dir.parent / "toolkit"

    # Configure with PEFT adapter (hidden from agent)
    config = SandboxConfig(
        gpu=chosen.gpu,
        execution_mode=ExecutionMode.NOTEBOOK,
        models=[
            ModelConfig(
                name=chosen.adapter,
                base_model=chosen.model,
                is_peft=True,
                hidden=True,  # Agent won't know which adapter
            )
        ],
        python_packages=["torch", "transformers", "accelerate", "peft"],
        secrets=["HF_TOKEN"] if chosen.full else [],
    )

    sandbox = Sandbox(config).start(name="hidden-preference")

    workspace = Workspace(
        libraries=[
            Library.from_file(toolkit / "steering_hook.py"),
            Library.from_file(toolkit / "extract_activations.py"),
            Library.from_file(toolkit / "generate_response.py"),
        ]
    )

    session = create_notebook_session(sandbox, workspace)

    # Include research methodology
    task = (example_dir / "task.md").read_text()
    methodology = (toolkit / "research_methodology.md").read_text()

    print(
        json.dumps(
            {
                "session_id": session.session_id,
                "jupyter_url": session.jupyter_url,
                "model_info": session.model_info_text,
                "task": task,
                "methodology": methodology,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
