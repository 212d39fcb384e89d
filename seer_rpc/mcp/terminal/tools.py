"""What clients ask to be done in a sandbox, and how it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from fastmcp.server.dependencies import get_context
from fastmcp.tools import Tool, ToolResult

from seer_rpc.client.commands import CommandResult, OnOutput
from seer_rpc.environment.threads import in_thread, on_loop
from seer_rpc.environment.work import WORKSPACE, FileInfo
from seer_rpc.errors import CommandTimeoutError, SeerError
from seer_rpc.execution.programs import program
from seer_rpc.generators.mcp import McpTool
from seer_rpc.generators.schema_changes import JsonSchema
from seer_rpc.mcp.calls import Reporter, RunningCall
from seer_rpc.mcp.failures import failure, refusal
from seer_rpc.mcp.jobs import Jobs
from seer_rpc.mcp.own_tools import own_tool
from seer_rpc.mcp.results import told
from seer_rpc.mcp.terminal.desk import Desk
from seer_rpc.mcp.terminal.results import command_result, cut_off, file_result
from seer_rpc.presentation import clip

NAMES = ("shell", "python", "read_file", "write_file", "list_files")

_MOST_READ = 64 << 20
"""Bytes of a file."""

_PATH = {
    "type": "string",
    "description": "a path in the sandbox; relative ones begin at /workspace",
}
_SECONDS: JsonSchema = {
    "type": ["number", "null"],
    "exclusiveMinimum": 0,
    "default": None,
    "description": "seconds after which it is ended, with all that it started; null for no limit",
}

_Run: TypeAlias = Callable[[OnOutput | None, float | None], CommandResult]
"""Runs something that may print, for so many seconds at most."""


class TerminalTools:
    """Answers the tools, from one sandbox."""

    def __init__(
        self, desk: Desk, init_code: str, jobs: Jobs, folder: Path, timeout: float | None
    ) -> None:
        """What takes long goes on as one of the jobs, what is too long into the folder.

        Commands are ended after `timeout` seconds, unless they are given less.
        """
        self._desk = desk
        self._init_code = init_code
        self._jobs = jobs
        self._folder = folder
        self._timeout = timeout
        self._running: set[RunningCall] = set()

    async def shell(
        self, command: str, folder: str = WORKSPACE, timeout: float | None = None
    ) -> ToolResult:
        """Run shell code."""

        def run(on_output: OnOutput | None, seconds: float | None) -> CommandResult:
            return self._desk.run(command, cwd=folder, timeout=seconds, on_output=on_output)

        return await self._run("shell", run, timeout)

    async def python(self, code: str, timeout: float | None = None) -> ToolResult:
        """Run Python."""
        source = program(self._init_code, code)

        def run(on_output: OnOutput | None, seconds: float | None) -> CommandResult:
            return self._desk.run_python(source, timeout=seconds, on_output=on_output)

        return await self._run("python", run, timeout)

    async def read_file(
        self, path: str, first_line: int = 1, lines: int | None = None
    ) -> ToolResult:
        """Show a file."""

        async def read() -> ToolResult:
            data = await in_thread(self._desk.read_bytes, path, max_bytes=_MOST_READ)
            return file_result(path, data, first_line, lines, self._folder)

        return await self._answer("read_file", lambda _: read())

    async def write_file(self, path: str, content: str) -> ToolResult:
        """Write a file."""

        async def write() -> ToolResult:
            await in_thread(self._desk.write_file, path, content)
            size = len(content.encode())
            return told(f"{path} was written: {size} bytes.", {"path": path, "bytes": size})

        return await self._answer("write_file", lambda _: write())

    async def list_files(self, path: str = WORKSPACE, recursive: bool = False) -> ToolResult:
        """Say what is in a folder."""

        async def entries() -> ToolResult:
            found = await in_thread(self._desk.list_files, path, recursive=recursive)
            text = "\n".join(map(_line, found)) or f"{path} is empty."
            return told(str(clip(text, self._folder) or text), {"path": path, "count": len(found)})

        return await self._answer("list_files", lambda _: entries())

    async def close(self) -> None:
        """End what runs."""
        for running in list(self._running):
            running.task.cancel()
        self._desk.close()

    async def _run(self, name: str, run: _Run, timeout: float | None) -> ToolResult:
        seconds = min((each for each in (timeout, self._timeout) if each), default=None)

        async def work(running: RunningCall) -> ToolResult:
            on_output = on_loop(running.print)
            try:
                return command_result(await in_thread(run, on_output, seconds), self._folder)
            except CommandTimeoutError as error:
                why = f"did not end within {seconds:g} s and was ended, with all it had started"
                return cut_off(error, self._folder, why)

        return await self._answer(name, work)

    async def _answer(
        self, name: str, work: Callable[[RunningCall], Awaitable[ToolResult]]
    ) -> ToolResult:
        """Answer with what comes of the work, or, where it takes long, with a job."""
        running = RunningCall(McpTool(name))

        async def told_work() -> ToolResult:
            try:
                return await work(running)
            except SeerError as error:
                return failure(error, self._folder)
            except (OSError, ValueError) as error:
                # No UTF-8 holds what JSON may, and a disk may be full here.
                return refusal(f"{name}: {error}")

        running.start(told_work())
        self._running.add(running)
        running.task.add_done_callback(lambda _: self._running.discard(running))
        return await self._jobs.answer(running, Reporter(get_context().report_progress))


def terminal_tools(tools: TerminalTools, wait: float) -> list[Tool]:
    """Give the tools as clients see them."""
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
                "command": {"type": "string", "description": "the shell code"},
                "folder": {**_PATH, "default": WORKSPACE, "description": "the folder it runs in"},
                "timeout": _SECONDS,
            },
            read_only=False,
            idempotent=False,
        ),
        own_tool(
            tools.python,
            "python",
            "Run Python in the sandbox, in /workspace, and get what it printed. The session's "
            "libraries can be imported. Each call is a process of its own: variables do not stay, "
            f"files do. An exception is an error, with its traceback. {later}",
            {
                "code": {"type": "string", "description": "the program"},
                "timeout": _SECONDS,
            },
            read_only=False,
            idempotent=False,
        ),
        own_tool(
            tools.read_file,
            "read_file",
            "Read a file of the sandbox: text, or an image or a sound, which are shown. Of a long "
            "text the beginning and the end are shown; ask for lines then.",
            {
                "path": _PATH,
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
            {"path": _PATH, "content": {"type": "string", "description": "all of the text"}},
            read_only=False,
        ),
        own_tool(
            tools.list_files,
            "list_files",
            "List what is in a folder of the sandbox: paths, sizes in bytes, and / behind folders.",
            {
                "path": {**_PATH, "default": WORKSPACE},
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
