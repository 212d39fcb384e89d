"""The server: Jupyter's own, with kernels that are reached through sockets in a folder alone."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import zmq
from jupyter_server.serverapp import ServerApp
from tornado.log import app_log, gen_log
from tornado.netutil import bind_sockets, bind_unix_socket
from traitlets.config import Config

from seer_runtime.kernel.jupyter.contents import Contents
from seer_runtime.kernel.jupyter.handlers import routes
from seer_runtime.kernel.jupyter.identity import Tokens, without_tokens
from seer_runtime.kernel.jupyter.kernels import Kernels, KernelSpecs
from seer_runtime.kernel.jupyter.notebooks import Notebooks
from seer_runtime.kernel.jupyter.settings import AHEAD, Settings
from seer_runtime.wire.settings import USED

_LARGEST = 512 << 20
"""Bytes of a request: notebooks with images are large."""

_LAB = Path("share", "jupyter", "lab")
_EXTENSIONS = Path(__file__).with_name("labextensions")


class Server(ServerApp):
    """Says on its standard output which port it got."""

    port: Any

    def init_logging(self) -> None:
        """Keep secrets out of the log: everything in the sandbox can read it."""
        super().init_logging()
        for log in (app_log, gen_log):
            log.addFilter(without_tokens)

    def init_webapp(self) -> None:
        """Add what Jupyter has not."""
        super().init_webapp()
        notebooks = Notebooks(self)
        # A kernel that is faster waits: none of what it says is lost, nor piled up here.
        self.kernel_manager.context.setsockopt(zmq.RCVHWM, AHEAD)
        self.contents_manager.notebooks = self.kernel_manager.notebooks = notebooks
        self.identity_provider.admit(self.config.Seer.token_digest)
        self.web_app.add_handlers(".*$", routes(self.base_url, notebooks))

    def _find_http_port(self) -> None:
        """Look for none: the port that is found is not to be let go of."""

    def _bind_http_server_tcp(self) -> bool:
        path = self.config.Seer.socket
        sockets = [bind_unix_socket(path)] if path else self._bind()
        self.http_server.add_sockets(sockets)
        if not path:
            self.port = sockets[0].getsockname()[1]
        sys.stdout.write(f"ready {self.port}\n")
        sys.stdout.flush()
        return True

    def _bind(self) -> Any:
        if not self.port and (last := self.config.Seer.last_port):
            with contextlib.suppress(OSError):
                return bind_sockets(last, self.ip)
        return bind_sockets(self.port, self.ip)


def configure(settings: Settings) -> Config:
    """Give Jupyter's configuration."""
    runtime = Path(settings["sockets"], f"jupyter-{secrets.token_hex(2)}")
    runtime.mkdir(mode=0o700)
    os.environ["JUPYTER_RUNTIME_DIR"] = str(runtime)
    own = Config()
    own.Seer.token_digest = settings["token_digest"]
    own.Seer.socket, own.Seer.last_port = settings["socket"], settings["last_port"]
    own.Seer.used = str(Path(settings["sockets"], USED))
    own.ServerApp.update(
        ip=settings["host"],
        port=settings["port"],
        root_dir=settings["folder"],
        open_browser=False,
        allow_root=True,
        # A tunnel has names of its own. On 127.0.0.1 they are checked: a page in the user's browser
        # could have its own name lead there.
        allow_remote_access=settings["host"] != "127.0.0.1",
        identity_provider_class=Tokens,
        kernel_manager_class=Kernels,
        kernel_spec_manager_class=KernelSpecs,
        contents_manager_class=Contents,
        cookie_secret=secrets.token_bytes(32),
        max_body_size=_LARGEST,
        max_buffer_size=_LARGEST,
        log_level="WARN",
        **_lab(),
    )
    own.KernelManager.update(
        autorestart=False,
        transport="ipc",
        shutdown_wait_time=2.0,
    )
    # What a page would have shown is in the notebook; kept for it, it would be so for ever.
    own.MappingKernelManager.buffer_offline_messages = False
    own.LabApp.update(
        news_url=None,
        check_for_updates_class="jupyterlab.NeverCheckForUpdate",
        extension_manager="readonly",
        extra_labextensions_path=[str(_EXTENSIONS)],
    )
    return own


def _lab() -> dict[str, object]:
    """Have JupyterLab, where it is installed: wherever its files are."""
    folder = _lab_folder()
    if folder is None:
        return {}
    os.environ["JUPYTERLAB_DIR"] = str(folder)
    return {"jpserver_extensions": {"jupyterlab": True}, "default_url": "/lab"}


def _lab_folder() -> Path | None:
    try:
        files = metadata.files("jupyterlab") or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.parts[-5:] == (*_LAB.parts, "static", "package.json"):
            return Path(str(file.locate())).resolve().parents[1]
    return None
