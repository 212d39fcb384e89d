"""What a backend must do; all else about sandboxes is the same for every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from packaging.requirements import Requirement

from seer_rpc.backends.listening import Listening
from seer_rpc.backends.models import FoundModel, ModelSource
from seer_rpc.client.connection import Connection
from seer_rpc.registry import SandboxRecord
from seer_rpc.snapshots import Snapshot
from seer_runtime.wire.hiding import Names

IsolationLevel: TypeAlias = Literal["namespace", "landlock", "none"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a sandbox may use; None is no limit of its own."""

    memory: int | None = None
    """Bytes."""

    disk: int | None = None
    """Bytes of its own files."""

    processes: int | None = None
    cpus: float | None = None


@dataclass(frozen=True, kw_only=True)
class Isolation:
    """What keeps a sandbox apart, and what that guarantees."""

    level: str
    """"namespace", "landlock" or "none" on this machine; "modal" on Modal."""

    files: bool
    """Whether files of the host, and the environment of its processes, cannot be read."""

    network: bool
    """Whether there is no network."""

    processes: bool
    """Whether the host's processes cannot be touched, and all of its own end with it."""

    memory: Literal["kernel", "watched", "unlimited"]
    """Who holds it to its limit of memory."""

    syscalls: bool
    """Whether system calls that no program of a sandbox needs are refused."""

    paths: bool
    """Whether /workspace, /root and /models are real paths in it."""


@dataclass(frozen=True, kw_only=True)
class MachineSpec:
    """What a sandbox needs to start."""

    sandbox_id: str
    name: str
    """For people."""

    gpu: str | None
    gpu_count: int = 1
    packages: Sequence[Requirement] = field(repr=False)
    """What its Python must have."""

    system_packages: Sequence[str] = ()
    """Debian packages that it must have."""

    lifetime: float
    """Seconds after which the machine ends by itself."""

    environment: Mapping[str, str] = field(repr=False)
    """What the config sets, secrets included; the backend adds what a process needs."""

    call_token_digest: str
    admin_token_digest: str
    models: Mapping[str, str] = field(default_factory=dict)
    """Models: where they appear in the sandbox, read-only, and where the backend has them."""

    hidden: Mapping[str, Names] = field(default_factory=dict, repr=False)
    """Where models are that are hidden, and the names that are not to be in the sandbox."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    """Secrets that the backend keeps: the config's names for them, and the backend's."""

    folders: Mapping[str, str] = field(default_factory=dict)
    """Folders that it begins with: where in the sandbox, and where to copy them from; links stay
    links. What is there already, in a sandbox that goes on from a snapshot, stays."""

    programs: Sequence[Path] = ()
    """Files and folders of this machine that it can read and run, under their own paths."""

    isolation: IsolationLevel | Literal["auto"] = "auto"
    has_hidden_models: bool = False
    masked_names: Sequence[str] = field(default=(), repr=False)
    """What is masked in whatever its interfaces give."""

    hides_without_isolation: bool = False
    """Whether models may be hidden where they can be found."""

    blocks_network: bool = False
    limits: Limits = field(default_factory=lambda: Limits())
    idle_timeout: float | None = None
    """Seconds without a call, a session or a command after which it ends."""

    is_detached: bool = False
    """Whether it outlives the process that starts it."""

    listening: Listening | None = None
    """How other machines are to reach it."""

    allowed: Sequence[str] = ()
    """Networks from which it is reached over the network; none for all."""

    image: str | None = None
    """The image of a registry that it begins with, where that is not the backend's own."""

    has_docker: bool = False
    """Whether it has a Docker engine of its own."""

    region: str | None = None

    has_web: bool = False
    """Whether a web server in it is to be reached."""

    snapshot: Snapshot | None = None
    """What is in its folders at first; nothing without one."""


@dataclass(frozen=True, kw_only=True)
class WebPlace:
    """Where a web server in a sandbox has to listen to be reached."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 where any will do."""

    socket: str = ""
    """The socket file to listen at instead, where there is no network."""

    url: str = ""
    """Under which it is reached then; empty where that is its own host and port."""

    sockets: str
    """A folder for sockets, whose path is short."""

    def address(self, port: int) -> str:
        """Give the URL of a server that listens on a port."""
        return self.url or f"http://{self.host}:{port}"


@dataclass(frozen=True, kw_only=True)
class NetworkAccess:
    """How other machines reach a sandbox."""

    endpoint: str
    ca_certificate: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    server_name: str = ""
    """What its certificate says it is, where that is not the endpoint's host."""

    def connection(self, interface: str, token: str) -> Connection:
        """Give the way to one interface."""
        return Connection(
            interface,
            self.endpoint,
            token,
            ca_certificate=self.ca_certificate,
            client_certificate=self.client_certificate,
            client_key=self.client_key,
            server_name=self.server_name,
        )


class Machine(Protocol):
    """A started sandbox. Paths are the sandbox's own: below `/root`, `/workspace` or `/models`."""

    endpoint: str
    """Where its runtime speaks gRPC."""

    network: NetworkAccess | None
    """How other machines reach it, where its spec says that they are to."""

    isolation: Isolation
    """What keeps it apart."""

    handle: Any
    """The sandbox as the backend's own client knows it, where there is such a client."""

    is_here: bool
    """Whether it runs on this machine, where something else can run beside it."""

    def connection(self, interface: str, token: str) -> Connection:
        """Give the way to one interface from this machine."""

    def path(self, path: str) -> str:
        """Give the path under which processes inside the sandbox find `path`."""

    def web(self) -> WebPlace:
        """Give where a web server has to listen, in a sandbox that is to have one.

        Raises:
            SandboxError: none could be reached.
        """

    def reach(self, endpoint: str) -> str:
        """Give the endpoint under which what runs in it reaches the runtime of another machine.

        Raises:
            SandboxError: it cannot.
        """

    def release(self) -> None:
        """Have it outlive this process, as its runtime has been told that it does."""

    def logs(self, lines: int) -> list[str]:
        """Give the newest lines of the log, even where the runtime is gone."""

    def folder(self) -> Path:
        """Give the sandbox's own folder on this machine, which goes with it.

        What processes of this machine need to call is there.
        """

    def journal(self) -> Path:
        """Give a folder of this machine with the journal of calls, as it is now."""

    def snapshot(self, description: str) -> Snapshot:
        """Keep the files in `/root` and `/workspace`, while what runs goes on.

        Raises:
            SnapshotError: there is no room for them.
        """

    def exit_code(self) -> int | None:
        """Give the runtime's exit status, or None while it runs."""

    def ending(self) -> str:
        """Say why the runtime ended, as far as that is known."""

    def leave(self) -> None:
        """Let go of a machine that another process started: it runs on."""

    def stop(self) -> None:
        """End everything that the machine runs and remove its files. Twice is as good as once."""


class Backend(Protocol):
    """Starts machines: a module of this package."""

    def check(self, spec: MachineSpec) -> None:
        """Refuse what no machine of this backend can be, before anything is fetched or made.

        Raises:
            BackendError: it cannot be.
            SystemPackageError: it would lack a system package.
        """

    def kept_secrets(self, names: Sequence[str]) -> Mapping[str, str]:
        """Give those of the names under which it keeps secrets itself, and what it calls them."""

    def find_model(self, source: ModelSource, secrets: Mapping[str, str]) -> FoundModel:
        """Bring a model to where machines find it, if it is not there.

        Raises:
            ModelNotFoundError: it is not to be had.
            ModelFetchError: it does not arrive there.
        """

    def start(self, spec: MachineSpec) -> Machine:
        """Start a machine and wait until its runtime answers.

        Raises:
            PackageMissingError: it would lack a package, or a system package.
            SandboxStartError: it does not answer.
            SnapshotError: the snapshot that it is to start from cannot be restored.
        """

    def attach(self, record: SandboxRecord) -> Machine:
        """Give a machine that another process started and that runs.

        Its `stop` ends it for everybody; without that it outlives this process as it would have.
        """

    def is_running(self, record: SandboxRecord) -> bool:
        """Tell whether a machine that outlived its owner runs, or may."""

    def memory(self, record: SandboxRecord) -> int | None:
        """Give the bytes of memory that what runs in a machine uses; None where nobody knows."""

    def discard(self, record: SandboxRecord) -> None:
        """End what is left of a machine whose owner is gone, and remove its files."""

    def drop_snapshot(self, snapshot: Snapshot) -> None:
        """Remove what there is of a snapshot elsewhere than on this machine.

        Raises:
            BackendError: it cannot be removed.
        """
