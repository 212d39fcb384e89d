"""Executions: what runs in a kernel, whoever asked for it, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from seer_runtime.kernel.jupyter.outputs import Outputs

Status: TypeAlias = Literal["queued", "running", "ok", "error", "dead"]

_HALF = 32 << 10
"""Characters of an error's message, and of its traceback, that stay at either end."""

OVER = ("ok", "error", "dead")


class Execution:
    """One piece of code, from when it is asked for."""

    def __init__(self, execution_id: str, code: str, hidden: bool, folder: Path) -> None:
        """Plan it; `folder` is for output that is too much for a notebook."""
        self.id = execution_id
        self.code = code
        self.hidden = hidden
        self.cell_id = ""
        self.status: Status = "queued"
        self.execution_count: int | None = None
        self.outputs = Outputs(folder)
        self.problem: dict[str, Any] = {}
        """The error that it ended with: its name, its message and the traceback's lines."""

        self.over = asyncio.Event()
        self.arrived = asyncio.Event()
        """Set when the kernel has it, or it is over."""

        self._idle = asyncio.Event()
        self._replied = asyncio.Event()
        self._changed = asyncio.Event()
        self._started = self._ended = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more is waited for."""
        return self.status in OVER

    def begin(self) -> None:
        """It is the kernel's now."""
        self.status = "running"
        self._started = time.monotonic()
        self.notify()

    def reply(self, content: Mapping[str, Any]) -> None:
        """Take the kernel's answer."""
        if not self.hidden:
            self.execution_count = content.get("execution_count") or self.execution_count
        if content.get("status") == "error":
            self.problem = _problem(content)
        elif content.get("status") != "ok":
            self.problem = {"ename": "Aborted", "evalue": "the kernel did not run it"}
        self._replied.set()

    def idle(self) -> None:
        """The kernel says that there is no more output."""
        self._idle.set()

    async def answered(self, patience: float) -> None:
        """Wait for the kernel's answer and the last of its output.

        For the other not much longer than for the first, unless there is more output all the while.

        A kernel that is interrupted before it has begun does not answer.
        """
        tasks = [asyncio.create_task(each.wait()) for each in (self._replied, self._idle)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            version = -1
            while version != self.outputs.version:
                version = self.outputs.version
                _, missing = await asyncio.wait(tasks, timeout=patience)
                if not missing:
                    break
        finally:
            for task in tasks:
                task.cancel()
        if not self._replied.is_set():
            self.problem = {"ename": "KeyboardInterrupt", "evalue": "it had not begun"}

    def finish(self) -> None:
        """It is over, as the kernel answered."""
        self._end("error" if self.problem else "ok")

    def fail(self, name: str, message: str, status: Status = "dead") -> None:
        """It is over, and the kernel did not answer."""
        self.problem = {"ename": name, "evalue": message, "traceback": [f"{name}: {message}"]}
        self.outputs.add({"output_type": "error", **self.problem})
        self._end(status)

    def apply(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take a message of the kernel's."""
        match kind:
            case "stream":
                self.outputs.add_text(content["name"], content["text"])
            case "display_data" | "execute_result":
                name = content.get("transient", {}).get("display_id", "")
                self.outputs.add(_displayed(kind, content), name)
            case "error":
                self.outputs.add({"output_type": "error", **_problem(content)})
            case "clear_output":
                self.outputs.clear(content.get("wait", False))
            case "execute_input":
                self.arrived.set()
                # What is hidden has the number of the next one that is not.
                if not self.hidden:
                    self.execution_count = content["execution_count"]
        self.notify()

    def notify(self) -> None:
        """Wake up whoever waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self, version: int, seconds: float) -> None:
        """Wait until there is more than a version had, or it is over; not longer than that."""
        deadline = time.monotonic() + seconds
        while not self.is_over and self.outputs.version == version:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    def describe(self, version: int | None = None) -> dict[str, Any]:
        """Say what there is; with a version also what was put out since."""
        known = {
            "id": self.id,
            "status": self.status,
            "cell_id": self.cell_id,
            "hidden": self.hidden,
            "execution_count": self.execution_count,
            "seconds": self._seconds,
            "problem": self.problem or None,
        }
        return known if version is None else known | {"outputs": self.outputs.since(version)}

    @property
    def _seconds(self) -> float:
        if not self._started:
            return 0.0
        return round((self._ended or time.monotonic()) - self._started, 3)

    def _end(self, status: Status) -> None:
        self.status = status
        self._ended = time.monotonic()
        self.over.set()
        self.arrived.set()
        self.notify()


def _displayed(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    output = {
        "output_type": kind,
        "data": content["data"],
        "metadata": content.get("metadata", {}),
    }
    if kind == "execute_result":
        output["execution_count"] = content["execution_count"]
    return output


def _problem(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ename": content.get("ename", ""),
        "evalue": _clipped(content.get("evalue", "")),
        "traceback": _clipped("\n".join(content.get("traceback", ()))).split("\n"),
    }


def _clipped(text: str) -> str:
    left_out = len(text) - 2 * _HALF
    if left_out <= 0:
        return text
    note = f"\n[... {left_out} characters are left out here ...]\n"
    return text[:_HALF] + note + text[-_HALF:]
