"""Commands and files: what clients ask to be done in a sandbox."""

from __future__ import annotations

from fastmcp.tools import Tool, ToolResult

from seer_rpc.client.commands import CommandResult, OnOutput
from seer_rpc.environment.work import WORKSPACE, FileInfo
from seer_rpc.execution.programs import program
from seer_rpc.generators.schema_changes import JsonSchema
from seer_rpc.mcp.own_tools import own_tool
from seer_rpc.mcp.results import told
from seer_rpc.mcp.terminal.answers import Answers
from seer_rpc.mcp.terminal.places import Places
from seer_rpc.mcp.terminal.results import file_result
from seer_rpc.presentation import clip

NAMES = ("shell", "python", "read_file", "write_file", "list_files")

_MOST_READ = 64 << 20
"""Bytes of a file."""

PATH = {
    "type": "string",
    "description": "a path in the sandbox; relative ones begin at /workspace",
}
_SECONDS: JsonSchema = {
    "type": ["number", "null"],
    "exclusiveMinimum": 0,
    "default": None,
    "description": "seconds after which it is ended, with all that it started; null for no limit",
}


class TerminalTools:
    """Answers the tools."""

    def __init__(self, places: Places, answers: Answers, init_code: str = "") -> None:
        """Work in `places`; `init_code` is Python that runs before any other."""
        self._places = places
        self._answers = answers
        self._init_code = init_code

    async def shell(
        self,
        command: str,
        folder: str = WORKSPACE,
        timeout: float | None = None,
        sandbox: str = "",
    ) -> ToolResult:
        """Run shell code."""

        def run(on_output: OnOutput | None, seconds: float | None) -> CommandResult:
            desk = self._places.find(sandbox)
            return desk.run(command, cwd=folder, timeout=seconds, on_output=on_output)

        return await self._answers.of_command("shell", run, timeout)

    async def python(
        self, code: str, timeout: float | None = None, sandbox: str = ""
    ) -> ToolResult:
        """Run Python."""
        source = program(self._init_code, code)

        def run(on_output: OnOutput | None, seconds: float | None) -> CommandResult:
            desk = self._places.find(sandbox)
            return desk.run_python(source, timeout=seconds, on_output=on_output)

        return await self._answers.of_command("python", run, timeout)

    async def read_file(
        self, path: str, first_line: int = 1, lines: int | None = None, sandbox: str = ""
    ) -> ToolResult:
        """Show a file."""

        def read() -> ToolResult:
            data = self._places.find(sandbox).read_bytes(path, max_bytes=_MOST_READ)
            return file_result(path, data, first_line, lines, self._answers.folder)

        return await self._answers.of_work("read_file", read)

    async def write_file(self, path: str, content: str, sandbox: str = "") -> ToolResult:
        """Write a file."""

        def write() -> ToolResult:
            self._places.find(sandbox).write_file(path, content)
            size = len(content.encode())
            return told(f"{path} was written: {size} bytes.", {"path": path, "bytes": size})

        return await self._answers.of_work("write_file", write)

    async def list_files(
        self, path: str = WORKSPACE, recursive: bool = False, sandbox: str = ""
    ) -> ToolResult:
        """Say what is in a folder."""

        def entries() -> ToolResult:
            found = self._places.find(sandbox).list_files(path, recursive=recursive)
            text = "\n".join(map(_line, found)) or f"{path} is empty."
            shown = clip(text, self._answers.folder) or text
            return told(str(shown), {"path": path, "count": len(found)})

        return await self._answers.of_work("list_files", entries)


def command_tools(tools: TerminalTools, places: Places, wait: float) -> list[Tool]:
    """Give the tools for commands as clients see them."""
    later = (
        f"What takes longer than {wait:g} s goes on as a job: job_get waits for its result, "
        "job_cancel ends it."
    )
    return [
        own_tool(
            tools.shell,
            "shell",
            "Run shell code (bash) in the sandbox and get what it printed. Each call is a process "
            "of its own: variables and the working directory do not stay, files do. Standard input "
            f"is empty. An exit status other than 0 is an error. {later}",
            {
                **places.parameters,
                "command": {"type": "string", "description": "the shell code"},
                "folder": {**PATH, "default": WORKSPACE, "description": "the folder it runs in"},
                "timeout": _SECONDS,
            },
            read_only=False,
            idempotent=False,
        ),
        own_tool(
            tools.python,
            "python",
            "Run Python in the sandbox, in /workspace, and get what it printed. The libraries of "
            "its sessions can be imported. Each call is a process of its own: variables do not "
            f"stay, files do. An exception is an error, with its traceback. {later}",
            {
                **places.parameters,
                "code": {"type": "string", "description": "the program"},
                "timeout": _SECONDS,
            },
            read_only=False,
            idempotent=False,
        ),
    ]


def file_tools(tools: TerminalTools, places: Places) -> list[Tool]:
    """Give the tools for files as clients see them."""
    return [
        own_tool(
            tools.read_file,
            "read_file",
            "Read a file of the sandbox: text, or an image or a sound, which are shown. Of a long "
            "text the beginning and the end are shown; ask for lines then.",
            {
                **places.parameters,
                "path": PATH,
                "first_line": {
                    "type": "integer",
                    "minimum": 1,
                    "default": 1,
                    "description": "the first line to show",
                },
                "lines": {
                    "type": ["integer", "null"],
                    "minimum": 1,
                    "default": None,
                    "description": "how many lines to show; null for all of them",
                },
            },
            read_only=True,
        ),
        own_tool(
            tools.write_file,
            "write_file",
            "Write a text file in the sandbox, as UTF-8, in place of one that is there. Folders "
            "are made where need be.",
            {
                **places.parameters,
                "path": PATH,
                "content": {"type": "string", "description": "all of the text"},
            },
            read_only=False,
        ),
        own_tool(
            tools.list_files,
            "list_files",
            "List what is in a folder of the sandbox: paths, sizes in bytes, and / behind folders.",
            {
                **places.parameters,
                "path": {**PATH, "default": WORKSPACE},
                "recursive": {
                    "type": "boolean",
                    "default": False,
                    "description": "whether what is below its folders is listed, too",
                },
            },
            read_only=True,
        ),
    ]


def _line(info: FileInfo) -> str:
    match info.kind:
        case "folder":
            return f"{info.path}/"
        case "file":
            return f"{info.path} {info.size}"
    return f"{info.path} ({info.kind})"
