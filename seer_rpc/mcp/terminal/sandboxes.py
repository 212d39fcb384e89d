"""The user's sandboxes as a whole: which there are, their ends, and what is kept of them."""

from __future__ import annotations

import json
from typing import Any

from fastmcp.tools import Tool, ToolResult

from seer_rpc.environment import Sandbox, Snapshot
from seer_rpc.environment.sightings import SeenSandbox, look_at
from seer_rpc.mcp.own_tools import own_tool
from seer_rpc.mcp.results import told
from seer_rpc.mcp.terminal.answers import Answers
from seer_rpc.mcp.terminal.places import AnySandbox
from seer_rpc.registry import running_sandboxes
from seer_rpc.sizes import show_size

GRACE = 10.0
"""Seconds that what runs has to end."""

_NOT_TOLD = ("owner", "folder")
_DESCRIPTION = {
    "type": "string",
    "default": "",
    "description": "what the snapshot is of, for people",
}


class SandboxTools:
    """Answers the tools."""

    def __init__(self, places: AnySandbox, answers: Answers) -> None:
        """Know those in `places`."""
        self._places = places
        self._answers = answers

    async def list_sandboxes(self) -> ToolResult:
        """Say which run."""

        def look() -> ToolResult:
            seen = [_known(look_at(record)) for record in running_sandboxes()]
            text = "\n".join(map(_line, seen)) or "No sandbox of this user runs on this machine."
            return told(text, {"sandboxes": seen})

        return await self._answers.of_work("list_sandboxes", look)

    async def sandbox_info(self, sandbox: str) -> ToolResult:
        """Say what is known of one."""

        def look() -> ToolResult:
            record = self._places.record(sandbox)
            known = {
                **_known(look_at(record)),
                "repos": [dict(each) for each in record.repos],
                "has_jupyter": record.jupyter is not None,
                "is_on_network": record.network is not None,
            }
            return told(json.dumps(known, indent=2), known)

        return await self._answers.of_work("sandbox_info", look)

    async def snapshot(self, sandbox: str, description: str = "") -> ToolResult:
        """Keep the files."""

        def keep() -> ToolResult:
            with Sandbox.from_id(sandbox) as found:
                kept = found.snapshot(description)
            text = f"{_kept(kept)} The sandbox {_named(found)} goes on."
            return told(text, {"sandbox": found.sandbox_id, **_structured(kept)})

        return await self._answers.of_work("snapshot", keep)

    async def terminate(
        self,
        sandbox: str,
        save_snapshot: bool = False,
        description: str = "",
        grace: float = GRACE,
    ) -> ToolResult:
        """End it."""

        def end() -> ToolResult:
            # Where it cannot be ended, it is let go of.
            with Sandbox.from_id(sandbox) as found:
                kept = found.terminate(
                    save_snapshot=save_snapshot, snapshot_description=description, grace=grace
                )
            parts = [f"The sandbox {_named(found)} was ended."]
            parts.append(_kept(kept) if kept is not None else "Its files were not kept.")
            snapshot = _structured(kept) if kept is not None else {"snapshot": None}
            return told(" ".join(parts), {"sandbox": found.sandbox_id, **snapshot})

        return await self._answers.of_work("terminate", end)


def sandbox_tools(tools: SandboxTools, places: AnySandbox) -> list[Tool]:
    """Give the tools as clients see them."""
    return [
        own_tool(
            tools.list_sandboxes,
            "list_sandboxes",
            "List the running sandboxes of this user: id, name, backend, models, packages, GPU, "
            "memory in use, and the seconds that are left until each ends by itself.",
            {},
            read_only=True,
        ),
        own_tool(
            tools.sandbox_info,
            "sandbox_info",
            "Tell what is known of one sandbox: its configuration, what isolates it, the "
            "interfaces that it serves, its repositories, and how long it has left.",
            dict(places.parameters),
            read_only=True,
        ),
        own_tool(
            tools.snapshot,
            "snapshot",
            "Keep the files of a sandbox, installed packages included, as a snapshot from which "
            "others can be started. What runs goes on; models, variables, secrets and what is in "
            "memory are not kept.",
            {**places.parameters, "description": _DESCRIPTION},
            read_only=False,
            idempotent=False,
            only_adds=True,
        ),
        own_tool(
            tools.terminate,
            "terminate",
            "End a sandbox, permanently, for everyone who uses it. Its files are gone unless "
            "save_snapshot keeps them first; where that fails, it goes on to run.",
            {
                **places.parameters,
                "save_snapshot": {
                    "type": "boolean",
                    "default": False,
                    "description": "whether its files are kept as a snapshot first",
                },
                "description": _DESCRIPTION,
                "grace": {
                    "type": "number",
                    "minimum": 0,
                    "default": GRACE,
                    "description": "seconds that calls and commands that run have to end",
                },
            },
            read_only=False,
        ),
    ]


def _known(seen: SeenSandbox) -> dict[str, Any]:
    return {name: value for name, value in seen.to_json().items() if name not in _NOT_TOLD}


def _line(known: dict[str, Any]) -> str:
    config = known["config"]
    name = f" ({known['name']})" if known["name"] != known["id"] else ""
    parts = [
        f"{known['id']}{name}: {known['state']} on {known['backend']}",
        f"GPU {config['gpu']}" if config.get("gpu") else "no GPU",
        f"models {', '.join(config['models'])}" if config.get("models") else "no models",
        f"{known['left']:.0f} s left",
    ]
    if known["memory"]:
        parts.append(f"{show_size(known['memory'])} of memory in use")
    if known["interfaces"]:
        parts.append(f"serves {', '.join(known['interfaces'])}")
    return ", ".join(parts)


def _named(sandbox: Sandbox) -> str:
    named = sandbox.name != sandbox.sandbox_id
    return f"{sandbox.sandbox_id} ({sandbox.name})" if named else sandbox.sandbox_id


def _kept(snapshot: Snapshot) -> str:
    """Say what was kept, and how it comes back."""
    size = "" if snapshot.size is None else f": {snapshot.files} files, {show_size(snapshot.size)}"
    left_out = "".join(f" Left out: {each}." for each in snapshot.skipped)
    return (
        f"Its files are kept as {snapshot.id}{size}.{left_out} In Python, "
        f"Sandbox.from_snapshot({snapshot.id!r}) starts a sandbox with them."
    )


def _structured(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "snapshot": snapshot.id,
        "files": snapshot.files,
        "bytes": snapshot.size,
        "skipped": list(snapshot.skipped),
        "unsettled": list(snapshot.unsettled),
    }
