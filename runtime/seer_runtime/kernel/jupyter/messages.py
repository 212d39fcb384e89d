"""What a kernel is told and what it says, and which piece of code that belongs to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from traitlets.config import Config

from seer_runtime.kernel.jupyter.executions import Execution

MODELS = "application/vnd.seer.models+json"
"""The kind of display with which a kernel says what models it has."""

_READY = 120.0
_ODD = (KeyError, TypeError, ValueError, AttributeError, RecursionError)
"""What messages raise that are not as they should be."""


class Messages:
    """The connection with one kernel after the other."""

    def __init__(self, on_change: Callable[[Execution], None], log: logging.Logger) -> None:
        """Begin without one; `on_change` is told of executions that put something out."""
        self.models: Mapping[str, Any] = {}
        """What the kernel says of the models that it has."""

        self._on_change = on_change
        self._log = log
        # Whoever has forgotten an execution hears no more of it.
        self._by_message: WeakValueDictionary[str, Execution] = WeakValueDictionary()
        self._client: Any = None
        self._readers: list[asyncio.Task[None]] = []

    async def connect(self, kernel: Any) -> None:
        """Listen to a kernel, from its first word on.

        Raises:
            RuntimeError: it says none.
        """
        client = self._client = kernel.client(config=Config())
        client.context = kernel.context
        client.start_channels(stdin=False, hb=False, control=False)
        await client.wait_for_ready(timeout=_READY)
        self._readers = [
            asyncio.create_task(self._read_replies(client)),
            asyncio.create_task(self._read_output(client)),
        ]

    async def disconnect(self) -> None:
        """Listen no more, and know nothing of what it said."""
        for task in self._readers:
            task.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        if self._client is not None:
            self._client.stop_channels()
        self._by_message.clear()
        self.models = {}

    def send(self, execution: Execution) -> None:
        """Have the kernel run it."""
        message = self._client.execute(
            execution.code,
            store_history=not execution.hidden,
            allow_stdin=False,
            stop_on_error=False,
        )
        self._by_message[message] = execution

    async def _read_replies(self, client: Any) -> None:
        while True:
            try:
                message = await client.get_shell_msg()
                execution = self._by_message.get(message["parent_header"].get("msg_id"))
                if execution is not None and message["msg_type"] == "execute_reply":
                    execution.reply(message["content"])
            except _ODD:
                self._log.exception("a kernel answered what nobody understands")

    async def _read_output(self, client: Any) -> None:
        while True:
            try:
                message = await client.get_iopub_msg()
                self._take(message["parent_header"].get("msg_id"), message["msg_type"], message)
            except _ODD:
                # Code can send messages of its own.
                self._log.exception("a kernel sent what nobody understands")

    def _take(self, parent: str, kind: str, message: Mapping[str, Any]) -> None:
        content = message["content"]
        execution = self._by_message.get(parent)
        if kind == "update_display_data":
            self._update(content)
        elif execution is None:
            return
        elif kind == "status":
            if content["execution_state"] == "idle":
                execution.idle()
        elif kind == "display_data" and MODELS in content["data"]:
            self.models = content["data"][MODELS]
        else:
            execution.apply(kind, content)
            self._on_change(execution)

    def _update(self, content: Mapping[str, Any]) -> None:
        """Show something else wherever a display is shown."""
        news = {"data": content["data"], "metadata": content.get("metadata", {})}
        for execution in list(self._by_message.values()):
            if execution.outputs.update(content["transient"]["display_id"], news):
                execution.notify()
                self._on_change(execution)
