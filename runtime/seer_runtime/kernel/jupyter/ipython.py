"""The kernel of notebooks: IPython's own, in which hidden code leaves no trace of its own."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from pathlib import Path
from typing import Any

import zmq
from ipykernel import kernelapp
from ipykernel.iostream import IOPubThread, OutStream
from ipykernel.ipkernel import IPythonKernel
from jupyter_core.paths import jupyter_runtime_dir
from zmq.eventloop.zmqstream import ZMQStream

from seer_runtime.kernel.jupyter.settings import AHEAD
from seer_runtime.processes import die_with_parent

_MOST_UNSENT = 4 << 20
"""Characters with which what runs may be ahead of what is sent."""

_LAST = ("_", "__", "___")


class Kernel(IPythonKernel):
    """Forgets the results of what is not to be in the history."""

    async def do_execute(
        self, code: str, silent: bool, store_history: bool = True, *args: Any, **options: Any
    ) -> Any:
        """Run code."""
        kept = None if store_history else self._results()
        try:
            return await super().do_execute(code, silent, store_history, *args, **options)
        finally:
            if kept is not None:
                self._restore(*kept)

    def _results(self) -> tuple[dict[int, Any], dict[str, Any], dict[str, Any]]:
        display, names = self.shell.displayhook, self.shell.user_ns
        number = f"_{self.shell.execution_count}"
        variables = {name: names[name] for name in (*_LAST, number) if name in names}
        return dict(names["_oh"]), {name: getattr(display, name) for name in _LAST}, variables

    def _restore(
        self, results: dict[int, Any], last: dict[str, Any], variables: dict[str, Any]
    ) -> None:
        display, names = self.shell.displayhook, self.shell.user_ns
        number = f"_{self.shell.execution_count}"
        own = [*(name for name in _LAST if names.get(name) is getattr(display, name)), number]
        for name in own:
            names.pop(name, None)
        names.update({name: variables[name] for name in own if name in variables})
        names["_oh"].clear()
        names["_oh"].update(results)
        for name, value in last.items():
            setattr(display, name, value)


class Output(IOPubThread):
    """Has whoever shows too much at once wait, and forked processes print through a socket file.

    To listen at an address of the network, zmq asks the kernel for its interfaces, which sandboxes
    may not.
    """

    _unsent = 0

    def send_multipart(self, *args: Any, **options: Any) -> None:
        """Send a message, a moment later."""
        super().send_multipart(*args, **options)
        self.wait_after(sum(len(part) for part in args[0]))

    def wait_after(self, size: int) -> None:
        """Wait now and then until what was to be sent is sent."""
        self._unsent += size
        is_own = threading.current_thread() is self.thread
        if self._unsent > _MOST_UNSENT and self.thread.is_alive() and not is_own:
            self._unsent = 0
            sent = threading.Event()
            self.schedule(sent.set)
            sent.wait()

    def _setup_pipe_in(self) -> None:
        self._pipe_uuid = os.urandom(16)
        self._pipe = f"ipc://{jupyter_runtime_dir()}/output-{secrets.token_hex(4)}"
        pipe = self.socket.context.socket(zmq.PULL)
        pipe.linger = 0
        pipe.bind(self._pipe)
        self._pipe_in = ZMQStream(pipe, self.io_loop)
        self._pipe_in.on_recv(self._handle_pipe_msg)

    def _setup_pipe_out(self) -> tuple[Any, Any]:
        # zmq's context does not survive a fork.
        context = zmq.Context()
        pipe = context.socket(zmq.PUSH)
        pipe.linger = 3000
        pipe.connect(self._pipe)
        return context, pipe


class Stream(OutStream):
    """Has whoever prints too much at once wait."""

    def write(self, string: str) -> int | None:
        """Write text."""
        written: int | None = super().write(string)
        if len(string) + self.pub_thread._unsent > _MOST_UNSENT:
            self.pub_thread.schedule(self._flush)
        self.pub_thread.wait_after(len(string))
        return written


class App(kernelapp.IPKernelApp):
    """Loses nothing that the kernel says: it is no faster than the server."""

    def init_iopub(self, context: Any) -> None:
        """Set up where output leaves."""
        context.setsockopt(zmq.SNDHWM, AHEAD)
        context.setsockopt(zmq.XPUB_NODROP, 1)
        super().init_iopub(context)


_TOOLKIT = Path(__file__).parents[1] / "toolkit"

if __name__ == "__main__":
    # Without the server nobody could reach it, nor end it.
    die_with_parent(int(os.environ["JPY_PARENT_PID"]))
    # Last of all: what a user calls so, too, is the user's.
    sys.path.append(str(_TOOLKIT))
    kernelapp.IOPubThread = Output
    App.launch_instance(kernel_class=Kernel, outstream_class=f"{__name__}.Stream")
