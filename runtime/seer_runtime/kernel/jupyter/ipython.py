"""The kernel of notebooks: IPython's own, in which hidden code leaves no trace of its own."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

import zmq
from ipykernel import kernelapp
from ipykernel.iostream import IOPubThread
from ipykernel.ipkernel import IPythonKernel
from jupyter_core.paths import jupyter_runtime_dir
from zmq.eventloop.zmqstream import ZMQStream

from seer_runtime.processes import die_with_parent

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
    """Has forked processes print through a socket file.

    To listen at an address of the network, zmq asks the kernel for its interfaces, which sandboxes
    may not.
    """

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


_TOOLKIT = Path(__file__).parents[1] / "toolkit"

if __name__ == "__main__":
    # Without the server nobody could reach it, nor end it.
    die_with_parent(int(os.environ["JPY_PARENT_PID"]))
    # Last of all: what a user calls so, too, is the user's.
    sys.path.append(str(_TOOLKIT))
    kernelapp.IOPubThread = Output
    kernelapp.IPKernelApp.launch_instance(kernel_class=Kernel)
