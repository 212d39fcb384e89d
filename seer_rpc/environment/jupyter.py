"""Jupyter in a sandbox: a server that whoever has its token reaches."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from seer_rpc.backends.protocol import WebPlace
from seer_rpc.environment.background import Place, runs_in_background, start_in_background
from seer_rpc.errors import CommandError, NotebookStartError
from seer_rpc.progress import status
from seer_runtime.wire.settings import token_digest

_FOLDER = ".jupyter-server"
_COMMAND = ("python", "-P", "-m", "seer_runtime.kernel.jupyter", "settings.json")
_SIGN = "^ready [0-9]+"


@dataclass(frozen=True)
class JupyterServer:
    """Where it is, and what lets in."""

    url: str
    token: str = field(repr=False)

    @property
    def url_with_token(self) -> str:
        """The URL for a browser: a secret as a whole."""
        return f"{self.url}/?token={self.token}"


def runs_jupyter(place: Place) -> bool:
    """Tell whether the server that was started in a sandbox runs still."""
    return runs_in_background(place, _FOLDER)


def start_jupyter(place: Place, web: WebPlace, ended: JupyterServer | None) -> JupyterServer:
    """Run a server in a sandbox, for as long as that runs.

    The sandbox gets the token's digest alone. Where one has `ended`, its token is good for this
    one, and so is its address if that is free.

    Raises:
        NotebookStartError: it does not start there.
    """
    token = ended.token if ended is not None else secrets.token_urlsafe(32)
    settings = {
        "host": web.host,
        "port": web.port,
        "last_port": urlsplit(ended.url).port or 0 if ended is not None else 0,
        "socket": web.socket,
        "token_digest": token_digest(token),
        "folder": place.exec("pwd").strip(),
        "sockets": web.sockets,
    }
    with status("starting Jupyter"):
        try:
            said = start_in_background(place, _FOLDER, _COMMAND, settings, _SIGN)
        except CommandError as error:
            raise NotebookStartError(
                f"Jupyter does not start in the sandbox: {error.stderr.strip() or error.message}",
                hint="jupyter_server, ipykernel and jupyterlab must go with the other packages",
            ) from None
    return JupyterServer(web.address(int(said.split()[1])), token)
