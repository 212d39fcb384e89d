"""The least that serves an interface on a GPU."""

from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.workspace import Workspace

scoped = ScopedSandbox(
    SandboxConfig(
        gpu="A100",
        models=[ModelConfig(name="google/gemma-2-9b")],
    )
)
scoped.start()
interface = scoped.serve("interface.py", expose_as="library", name="tools")
workspace = Workspace(libraries=[interface])
