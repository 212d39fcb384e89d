"""Files between a sandbox and the one folder of this machine that the user has named."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from fastmcp.tools import Tool, ToolResult

from seer_rpc.errors import SandboxError
from seer_rpc.mcp.own_tools import own_tool
from seer_rpc.mcp.results import told
from seer_rpc.mcp.terminal.answers import Answers
from seer_rpc.mcp.terminal.places import Places
from seer_rpc.mcp.terminal.tools import PATH


class TransferTools:
    """Answers the tools that copy."""

    def __init__(self, places: Places, answers: Answers, shared: Path) -> None:
        """Copy between `places` and what is in the folder `shared`, and nothing else."""
        self._places = places
        self._answers = answers
        self._shared = shared.resolve()

    async def upload(self, local_path: str, path: str = "", sandbox: str = "") -> ToolResult:
        """Copy a file or folder into a sandbox."""

        def copy() -> ToolResult:
            local, desk = self._local(local_path), self._places.find(sandbox)
            target = path or local.name
            if local.is_dir():
                desk.upload_dir(local, target)
            else:
                desk.upload_file(local, target)
            return told(f"{local_path} was copied to {target}.", {"path": target})

        return await self._answers.of_work("upload", copy)

    async def download(self, path: str, local_path: str = "", sandbox: str = "") -> ToolResult:
        """Copy a file or folder out of a sandbox."""

        def copy() -> ToolResult:
            target = self._local(local_path or PurePosixPath(path).name)
            target.parent.mkdir(parents=True, exist_ok=True)
            written = self._places.find(sandbox).download(path, target)
            return told(f"{path} was copied to {written}.", {"local_path": str(written)})

        return await self._answers.of_work("download", copy)

    def _local(self, path: str) -> Path:
        """Give a path of the folder, wherever links lead.

        Raises:
            SandboxError: it is outside.
        """
        found = (self._shared / path).resolve()
        if not found.is_relative_to(self._shared):
            raise SandboxError(
                f"{path!r} is not in {self._shared}, the folder that this server may use",
                hint="name something in there",
            )
        return found


def transfer_tools(tools: TransferTools, places: Places, shared: Path) -> list[Tool]:
    """Give the tools as clients see them."""
    local = {"type": "string", "description": f"a path in {shared.resolve()}, relative to it"}
    return [
        own_tool(
            tools.upload,
            "upload",
            f"Copy a file, or a folder with all that is in it, from {shared.resolve()} on this "
            "machine into the sandbox, in place of what is there under the same names.",
            {
                **places.parameters,
                "local_path": local,
                "path": {
                    **PATH,
                    "default": "",
                    "description": f"{PATH['description']}; the same "
                    "name in /workspace without that",
                },
            },
            read_only=False,
        ),
        own_tool(
            tools.download,
            "download",
            "Copy a file, or a folder with all that is in it, from the sandbox into "
            f"{shared.resolve()} on this machine, in place of what is there under the same names.",
            {
                **places.parameters,
                "path": PATH,
                "local_path": {
                    **local,
                    "default": "",
                    "description": f"{local['description']}; the same name without that",
                },
            },
            read_only=False,
        ),
    ]
