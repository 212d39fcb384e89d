"""A Docker engine of a sandbox's own, for containers that run inside it."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from seer_rpc.archives import pack_folder
from seer_rpc.client.commands import CommandResult, OnOutput
from seer_rpc.environment.containers.container import ContainerHandle, reason
from seer_rpc.environment.work import Work
from seer_rpc.errors import CommandTimeoutError, ContainerError
from seer_rpc.progress import status

_LOG = "/var/log/seer-dockerd.log"
_READY = 60.0
"""Seconds in which the engine answers."""

_LAST_LINES = 20
_PIECE = 1 << 20
_MISSING, _ENDED = 3, 4

# gVisor has no tables in which Docker could make its rules: those for the way out are made by hand,
# as far as there is one. A file of a process of another machine may have come with a snapshot.
_START = f"""
command -v docker > /dev/null && command -v dockerd > /dev/null || exit {_MISSING}
docker version > /dev/null 2>&1 && exit
mkdir -p /var/log
{{
  device=$(ip route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p;q')
  address=$(ip -4 -o address show dev "$device" | sed -n 's/.* inet \\([^/ ]*\\).*/\\1/p;q')
  echo 1 > /proc/sys/net/ipv4/ip_forward
  for protocol in tcp udp; do
    iptables-legacy -t nat -A POSTROUTING -o "$device" -j SNAT --to-source "$address" -p $protocol
  done
  rm -f /var/run/docker.pid
}} > {_LOG} 2>&1
setsid dockerd --iptables=false --ip6tables=false >> {_LOG} 2>&1 < /dev/null &
until docker version > /dev/null 2>&1; do
  kill -0 $! 2> /dev/null || exit {_ENDED}
  sleep 0.1
done
"""
_UNPACK = """
import sys, tarfile
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as files:
    files.extractall(sys.argv[1], filter="fully_trusted")
"""


class DockerInside:
    """The docker program of a sandbox."""

    # The one network that every gVisor has.
    build_options: Sequence[str] = ("--network=host",)
    run_options: Sequence[str] = ("--network=host",)

    def __init__(self, sandbox: Work) -> None:
        """Use what is in there."""
        self._sandbox = sandbox

    def check(self) -> None:
        """Make sure that an engine answers; one that does not run is started.

        Raises:
            ContainerError: none does.
        """
        try:
            started = self._sandbox.run(_START, timeout=_READY, cwd="/")
        except CommandTimeoutError:
            raise self._not_answering(f"within {_READY:.0f} s") from None
        if started.exit_code == _MISSING:
            raise ContainerError(
                "containers of this sandbox run inside it, and there is no Docker in it",
                hint="start it with SandboxConfig(docker=True); or run what the Dockerfile runs "
                "with exec()",
            )
        if not started.ok:
            raise self._not_answering("but ends")

    @contextlib.contextmanager
    def context(self, folder: Path) -> Iterator[str]:
        """Have a folder of this machine in the sandbox, links and all.

        Raises:
            ContainerError: it cannot be put there.
        """
        place = f"/tmp/seer-build-{secrets.token_hex(8)}"
        try:
            self._send(folder, place)
            yield place
        finally:
            self._sandbox.remove(place, missing_ok=True)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], on_output: OnOutput
    ) -> CommandResult:
        """Run the program."""
        return self._sandbox.run(
            ["docker", *arguments], env=environment, cwd="/", on_output=on_output
        )

    def remove(self, containers: Sequence[ContainerHandle]) -> None:
        """Leave that to the end of the sandbox, in which they are."""

    def _send(self, folder: Path, place: str) -> None:
        said: list[bytes] = []
        with tempfile.TemporaryFile(prefix="seer-") as archive:
            pack_folder(folder, archive)
            archive.seek(0)
            code = self._sandbox.run_through(
                ["python", "-I", "-c", _UNPACK, place],
                input=_pieces(archive),
                on_stdout=said.append,
                on_stderr=said.append,
                cwd="/",
            )
        if code != 0:
            text = b"".join(said).decode(errors="replace")
            raise ContainerError(
                f"the files of the repository cannot be put into the sandbox: {reason(text)}",
                log=text.splitlines()[-_LAST_LINES:],
            )

    def _not_answering(self, how: str) -> ContainerError:
        # It may have written nothing.
        said = self._sandbox.run(["tail", "-n", str(_LAST_LINES), _LOG], cwd="/").stdout
        return ContainerError(
            f"the Docker engine in the sandbox does not answer {how}",
            hint=f"was the sandbox started with SandboxConfig(docker=True)? {_LOG} in it says more",
            log=said.splitlines(),
        )


def start_docker(sandbox: Work) -> None:
    """Have the engine in a sandbox run, for all that runs in there.

    Raises:
        ContainerError: it does not answer.
    """
    with status("starting Docker in the sandbox"):
        DockerInside(sandbox).check()


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while data := source.read(_PIECE):
        yield data
