"""What came of a command or was in a file, as a tool's result."""

from __future__ import annotations

import dataclasses
import io
import mimetypes
from pathlib import Path

from fastmcp.tools import ToolResult
from mcp_types import TextContent

from seer_rpc.client.commands import CommandResult, describe_exit
from seer_rpc.errors import CommandError
from seer_rpc.mcp.media import ShownMedia
from seer_rpc.mcp.results import refusal, told
from seer_rpc.presentation import clip
from seer_runtime.wire.media import Media


def command_result(result: CommandResult, folder: Path, why: str = "") -> ToolResult:
    """Give what a command printed and how it ended; a failure is an error.

    What is too long is in a file of `folder`. `why` tells of an end that was not its own.
    """
    stdout, stderr = (_shown(each, folder) for each in (result.stdout, result.stderr))
    parts = [stdout.rstrip("\n"), f"On standard error:\n{stderr}".rstrip("\n") if stderr else ""]
    if not result.ok or why:
        parts.append(f"The command {why or result.cause or describe_exit(result.exit_code)}.")
    text = "\n\n".join(filter(None, parts)) or "It printed nothing."
    shown = dataclasses.replace(result, stdout=stdout, stderr=stderr)
    structured = {"exit_code": shown.exit_code, "stdout": shown.stdout, "stderr": shown.stderr}
    return ToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=structured,
        is_error=not result.ok or bool(why),
    )


def cut_off(error: CommandError, folder: Path, why: str) -> ToolResult:
    """Give what a command had printed that was ended."""
    result = CommandResult(error.stdout, error.stderr, error.exit_code or 0)
    return command_result(result, folder, why)


def file_result(path: str, data: bytes, first: int, count: int | None, folder: Path) -> ToolResult:
    """Give lines of a text, or an image or a sound as what it is."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _media_result(path, data, folder)
    # As editors and tracebacks count them, and not as str.splitlines does.
    lines = list(io.StringIO(text, newline=""))
    chosen = lines[first - 1 : None if count is None else first - 1 + count]
    structured = {"path": path, "lines": len(lines), "first_line": first}
    if not chosen:
        return told(f"{path} has {len(lines)} lines.", structured)
    return told(_shown("".join(chosen), folder), structured)


def _media_result(path: str, data: bytes, folder: Path) -> ToolResult:
    kind = mimetypes.guess_type(path)[0] or ""
    media = ShownMedia(folder)
    if kind.startswith(("image/", "audio/")):
        where = media.show(Media(data, kind))
        if media.blocks:
            return ToolResult(
                content=[TextContent(type="text", text=f"{path}: {kind}"), *media.blocks],
                structured_content={"path": path, "bytes": len(data), "mime": kind},
            )
        return told(f"{path} is {where}", {"path": path, "bytes": len(data), "mime": kind})
    return refusal(
        f"{path} is no text: {len(data)} bytes. Look at it with Python, or with a command such as "
        "`file` or `xxd`."
    )


def _shown(text: str, folder: Path) -> str:
    return str(clip(text, folder) or text)
