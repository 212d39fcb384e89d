"""Local code calls functions on a GPU."""

from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.execution import create_local_session
from seer_rpc.workspace import Workspace

scoped = ScopedSandbox(SandboxConfig(gpu="A100", models=[ModelConfig(name="google/gemma-2-9b")]))
scoped.start()
interface_lib = scoped.serve("interface.py", expose_as="library", name="tools")
workspace = Workspace(libraries=[interface_lib])
session = create_local_session(workspace=workspace, workspace_dir="./work", name="exp")
# -> local code can import and call GPU functions via RPC
import tools  # noqa: E402 - only now it is there

print(tools.describe_model())
