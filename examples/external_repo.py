"""Experiment using code from an external repository: a git URL, owner/repo, or a folder."""

import asyncio
import json
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from choices import choose

from seer_rpc.environment import ExecutionMode, ModelConfig, RepoConfig, Sandbox, SandboxConfig
from seer_rpc.execution import create_notebook_session
from seer_rpc.workspace import Workspace

TOOLS = Path(__file__).parent / "circuits"

EXPERIMENT = """
from circuits import without_layer

text = "The cat sat on the mat, and the dog sat on the rug."
count = model.config.num_hidden_layers
costs = {}
for layer in sorted({0, count // 3, 2 * count // 3, count - 1}):
    costs[layer] = without_layer(model, tokenizer, text, layer)
    print(f"Without layer {layer} each token costs {costs[layer]:+.2f} nats", flush=True)
print(f"The text needs layer {max(costs, key=costs.get)} most")
"""


def as_repository(folder: Path, copy: Path) -> str:
    """Make a git repository of a folder: it stands for one that lies on a server."""
    git = ["git", "-C", str(copy), "-c", "user.name=me", "-c", "user.email=me@example.org"]
    copy.mkdir()
    for file in folder.iterdir():
        if file.is_file():
            (copy / file.name).write_text(file.read_text())
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "All"]):
        subprocess.run([*git, *command], check=True)
    return str(copy)


async def main():
    """Set up, print how to connect as JSON, then experiment."""
    chosen = choose(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        config = SandboxConfig(
            execution_mode=ExecutionMode.NOTEBOOK,
            gpu=chosen.gpu,
            models=[ModelConfig(name=chosen.model)],
            python_packages=["torch", "transformers", "accelerate", "setuptools>=64"],
            system_packages=["git"],
            secrets=["HF_TOKEN"] if chosen.full else [],
            repos=[
                RepoConfig(
                    url=as_repository(TOOLS, Path(folder, TOOLS.name)),
                    install=True,  # Run pip install -e on the repo
                )
            ],
            # What this one needs is here already; Modal's network stays open.
            block_network=not chosen.full,
        )
        sandbox = Sandbox(config).start()

    # What starts from here on can import what was installed.
    session = create_notebook_session(sandbox, Workspace(), keep=chosen.keep)

    print(
        json.dumps({"session_id": session.session_id, "jupyter_url": session.jupyter_url}),
        flush=True,
    )

    session.exec(EXPERIMENT, on_text=partial(print, end="", flush=True))
    if not chosen.keep:
        session.terminate()


if __name__ == "__main__":
    asyncio.run(main())
