"""How a sandbox is doing: its GPUs and its processes."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastmcp.tools import Tool, ToolResult

from seer_rpc.client.commands import CommandResult
from seer_rpc.errors import SandboxError
from seer_rpc.mcp.own_tools import own_tool
from seer_rpc.mcp.results import told
from seer_rpc.mcp.terminal.answers import Answers
from seer_rpc.mcp.terminal.places import Places
from seer_rpc.presentation import clip
from seer_rpc.sizes import show_size

_SECONDS = 60.0
"""For what asks."""

_MISSING = 127
_GPUS = (
    f"command -v nvidia-smi >/dev/null || exit {_MISSING}\n"
    "nvidia-smi --format=csv,noheader,nounits --query-gpu="
)
_FIELDS = {
    "index": "index",
    "name": "name",
    "memory_used_mib": "memory.used",
    "memory_total_mib": "memory.total",
    "busy_percent": "utilization.gpu",
    "celsius": "temperature.gpu",
}
_PROCESSES = ("python", "-P", "-m", "seer_runtime.process_table")


class StateTools:
    """Answers the tools that look."""

    def __init__(self, places: Places, answers: Answers) -> None:
        """Look at what is in `places`."""
        self._places = places
        self._answers = answers

    async def gpu_status(self, sandbox: str = "") -> ToolResult:
        """Say what the GPUs do."""

        def ask() -> ToolResult:
            command = _GPUS + ",".join(_FIELDS.values())
            return _gpus(self._places.find(sandbox).run(command, timeout=_SECONDS))

        return await self._answers.of_work("gpu_status", ask)

    async def processes(self, sandbox: str = "") -> ToolResult:
        """Say what runs."""

        def ask() -> ToolResult:
            result = self._places.find(sandbox).run(_PROCESSES, timeout=_SECONDS)
            if not result.ok:
                why = result.stderr.strip() or result.stdout.strip()
                raise SandboxError(f"the processes of this sandbox cannot be listed: {why}")
            found = json.loads(result.stdout)
            found.sort(key=lambda each: (-each["cpu_percent"], -each["memory_bytes"]))
            text = _table(found)
            shown = clip(text, self._answers.folder) or text
            return told(str(shown), {"count": len(found), "processes": found[:_MOST]})

        return await self._answers.of_work("processes", ask)


_MOST = 50
"""Processes in a structured result; the text has all."""


def state_tools(tools: StateTools, places: Places) -> list[Tool]:
    """Give the tools as clients see them."""
    return [
        own_tool(
            tools.gpu_status,
            "gpu_status",
            "Show the sandbox's GPUs: model, memory used and in all, how busy each is, its "
            "temperature. A sandbox without a GPU says so.",
            dict(places.parameters),
            read_only=True,
        ),
        own_tool(
            tools.processes,
            "processes",
            "List the processes inside the sandbox, the busiest first: pid, percent of one "
            "processor, memory, age and command line. `kill PID` with the shell tool ends one.",
            dict(places.parameters),
            read_only=True,
        ),
    ]


def _gpus(result: CommandResult) -> ToolResult:
    if result.exit_code == _MISSING:
        return told("It has no GPU: there is no nvidia-smi in it.", {"gpus": []})
    if not result.ok:
        why = result.stdout.strip() or result.stderr.strip()
        return told(f"It has no GPU that can be used; nvidia-smi says: {why}", {"gpus": []})
    rows = csv.reader(result.stdout.splitlines(), skipinitialspace=True)
    gpus = [dict(zip(_FIELDS, map(_value, row), strict=True)) for row in rows if row]
    return told("\n".join(map(_line, gpus)) or "It has no GPU.", {"gpus": gpus})


def _value(text: str) -> Any:
    """Give a number, or None where the driver does not know, or the text."""
    if text.startswith("["):
        return None
    try:
        return int(text)
    except ValueError:
        return text


def _line(gpu: Mapping[str, Any]) -> str:
    parts = [
        f"GPU {gpu['index']}: {gpu['name']}",
        f"{_known(gpu['memory_used_mib'])} of {_known(gpu['memory_total_mib'])} MiB used",
        f"{_known(gpu['busy_percent'])} % busy",
        f"{_known(gpu['celsius'])} °C",
    ]
    return ", ".join(parts)


def _known(value: Any) -> str:
    return "?" if value is None else str(value)


def _table(processes: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        f"{each['pid']:>7} {each['cpu_percent']:>6} {show_size(each['memory_bytes']):>9} "
        f"{each['seconds']:>9.0f} {each['command']}"
        for each in processes
    ]
    return "\n".join([f"{'pid':>7} {'cpu %':>6} {'memory':>9} {'seconds':>9} command", *lines])
