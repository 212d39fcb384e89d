"""What a sandbox is to be: checked when it is written down."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Literal

from seer_rpc.backends.listening import Listening, Tls
from seer_rpc.backends.protocol import IsolationLevel, Limits
from seer_rpc.environment.config.gpus import check_count, gpu_name
from seer_rpc.environment.config.image_names import check_image
from seer_rpc.environment.config.model import ModelConfig
from seer_rpc.environment.config.networks import parse_networks
from seer_rpc.environment.config.repo import RepoConfig
from seer_rpc.environment.config.requirements import parse_requirement
from seer_rpc.environment.config.room import warn_of_room
from seer_rpc.errors import ConfigError
from seer_rpc.fields import check_positive, check_types, knows_its_fields, show_fields
from seer_rpc.files import looked_from
from seer_rpc.redaction import without_credentials

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(
    r"(hf|sk|gh[a-z]|github_pat|xox[a-z])_[A-Za-z0-9_]{16,}"
    r"|(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9]).{20,}"
)
"""What is rather a secret than its name."""

_DEBIAN = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?(=[A-Za-z0-9.+:~-]+)?")
_REGION = re.compile(r"[a-z]+(-[a-z0-9]+)*")


class ExecutionMode(Enum):
    """What a sandbox is prepared for."""

    NOTEBOOK = "notebook"
    CLI = "cli"


@knows_its_fields(
    {
        "packages": "write python_packages=[...] or system_packages=[...]",
        "apt_packages": "write system_packages=[...]",
        "pip_packages": "write python_packages=[...]",
        "environment": "write env={...}",
        "env_vars": "write env={...}",
        "model": 'write models=[ModelConfig(name="org/model")]',
        "name": 'give it to start(name="...")',
        "backend": 'give it to Sandbox(config, backend="...")',
        "gpus": "write gpu_count=",
        "network": "write block_network=True to close it",
        "cpu": "write cpus=",
        "base_image": 'write image="..."',
        "dockerfile": 'write repos=[RepoConfig(url=..., dockerfile="Dockerfile")]',
    }
)
@dataclass
class SandboxConfig:
    """What a sandbox is to be.

    Raises:
        ConfigError: a field cannot be as it is written; the message says what to write.
    """

    gpu: str | None = None
    """One of T4, L4, A10G, A100, A100-40GB, A100-80GB, H100, in any case; None for the CPU."""

    gpu_count: int = 1
    execution_mode: ExecutionMode = ExecutionMode.NOTEBOOK
    models: list[ModelConfig] = field(default_factory=list)
    python_packages: list[str] = field(default_factory=list)
    """pip requirements, pins allowed."""

    system_packages: list[str] = field(default_factory=list)
    """Debian packages."""

    secrets: list[str] = field(default_factory=list)
    """Names of environment variables of this process to pass on; on Modal also of secrets that it
    keeps, where there is no such variable."""

    repos: list[RepoConfig] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    timeout: float = 3600
    """Seconds after which the sandbox ends by itself."""

    local_files: list[tuple[str | Path, str]] = field(default_factory=list)
    """(local path, path in the sandbox)"""

    local_dirs: list[tuple[str | Path, str]] = field(default_factory=list)
    """(local folder, folder in the sandbox)"""

    debug: bool = False
    """Whether VS Code in the browser comes with it, at `code_server_url`."""

    isolation: IsolationLevel | Literal["auto"] = "auto"
    """What keeps it apart on this machine; "auto" is the best that there is."""

    block_network: bool | None = None
    """Whether it has no network; None: only where it has a hidden model."""

    mask_hidden_names: bool = False
    """Whether the names of hidden models are masked in whatever interfaces give: results, items,
    errors, messages, docstrings. `rpc_logs` tells of each one."""

    hide_without_isolation: bool = False
    """Whether a hidden model may be in a sandbox on this machine that has less than
    isolation="namespace", where its name can be found."""

    memory: int | None = None
    """MiB that all its processes may use together."""

    disk: int | None = None
    """MiB that its own files may take."""

    processes: int | None = None
    cpus: float | None = None
    idle_timeout: float | None = None
    """Seconds without a call, a session, a command or a transfer after which it ends."""

    detach: bool = False
    """Whether it outlives this process. `Sandbox.from_id` reaches it then; it ends by `timeout`, by
    `idle_timeout`, by `terminate()` or by `seer stop`."""

    listen: str | None = None
    """Where it listens for other machines: "0.0.0.0:8443" for all addresses of this machine, port 0
    for one that is free. None: it is reached from this machine alone.

    On Modal other machines reach it in any case, through Modal's relay, which reads along. With
    "0.0.0.0:8443" the relay passes on what it cannot read: what `tls` says is between the sandbox
    and its clients, its owner among them."""

    tls: Tls = "mutual"
    """What guards that port, the token aside: "mutual", where clients need a certificate of the
    sandbox's; "server", where it alone has one; "off", which only loopback addresses may be."""

    advertise: str | None = None
    """The name or address, `:port` where another one leads there, under which other machines reach
    this one. By default where it listens; where that is all addresses, this machine's name."""

    allow_from: list[str] | None = None
    """Networks, as "203.0.113.0/24", and addresses from which it is reached over the network; None
    for all. On this machine that is said of `listen`, and calls from elsewhere are refused. On
    Modal, whose relay refuses connections from elsewhere, this machine's own address, as the
    internet sees it, has to be among them."""

    image: str | None = None
    """On Modal, the image of a registry that it begins with, in place of Debian:
    "nvidia/cuda:12.8.1-devel-ubuntu22.04". It is to be one of Debian or Ubuntu; the Python of this
    machine's version and all packages are added to it, and its entrypoint is left out. What starts
    from a snapshot has that one's image."""

    docker: bool = False
    """On Modal, whether Docker is in it, for its own programs and for `start_container`. On this
    machine containers run beside a sandbox, and need nothing in it."""

    region: str | None = None
    """On Modal, where it runs: "us", "eu-west"; None is anywhere."""

    @property
    def hides_models(self) -> bool:
        """Whether it has a model whose name is to be hidden."""
        return any(model.hidden for model in self.models)

    @property
    def blocks_network(self) -> bool:
        """Whether it has no network."""
        return self.hides_models if self.block_network is None else self.block_network

    @property
    def listening(self) -> Listening | None:
        """Where it listens for other machines, and what guards that."""
        return Listening.parse(self.listen, self.tls, self.advertise)

    @property
    def allowed(self) -> Sequence[str]:
        """The networks from which it is reached; none where that is all."""
        return parse_networks(self.allow_from)

    @property
    def limits(self) -> Limits:
        """What it may use."""
        return Limits(
            memory=_bytes(self.memory),
            disk=_bytes(self.disk),
            processes=self.processes,
            cpus=self.cpus,
        )

    def __post_init__(self) -> None:
        """Check."""
        check_types(self)
        check_positive(self, "timeout", "idle_timeout", "memory", "disk", "processes", "cpus")
        if self.gpu is not None:
            self.gpu = gpu_name(self.gpu)
        check_count(self.gpu_count)
        self._check_packages()
        self._check_variables()
        self._check_paths()
        _check_distinct("models", "var_name", (model.var_name for model in self.models))
        _check_distinct("repos", "name", (repo.source.name for repo in self.repos))
        Listening.parse(self.listen, self.tls, self.advertise)
        parse_networks(self.allow_from)
        self._check_machine()
        self._check_debug()
        if self.gpu is not None:
            warn_of_room(self.models, self.gpu, self.gpu_count)

    def __repr__(self) -> str:
        """Show it without what may be secret."""
        packages = [without_credentials(each) for each in self.python_packages]
        variables = ", ".join(f"{name!r}: ..." for name in self.env)
        return show_fields(self, python_packages=repr(packages), env=f"{{{variables}}}")

    def _check_packages(self) -> None:
        for text in self.python_packages:
            parse_requirement(text)
        for text in self.system_packages:
            if not _DEBIAN.fullmatch(text):
                raise ConfigError(
                    f"system_packages: {text!r} is no Debian package",
                    hint='write its name: "git", or "git=1:2.39.5-0" for one version',
                )

    def _check_variables(self) -> None:
        for position, name in enumerate(self.secrets):
            # Whoever writes the secret itself does not want to read it in a log.
            if not _VARIABLE.fullmatch(name) or _TOKEN.fullmatch(name):
                raise ConfigError(
                    f"secrets[{position}] is no name of an environment variable",
                    hint='write "HF_TOKEN": secrets are names of variables that are set here, '
                    "never values",
                )
        for name in self.env:
            if not _VARIABLE.fullmatch(name):
                raise ConfigError(f"env: {name!r} is no name of an environment variable")
            if "\0" in self.env[name]:
                raise ConfigError(f"env[{name!r}] has a null character, which no variable can have")

    def _check_paths(self) -> None:
        for local, path in self.local_files:
            if not Path(local).is_file():
                raise ConfigError(
                    f"local_files: there is no file {local}", hint=looked_from(Path(local))
                )
            _check_target("local_files", path)
        for local, path in self.local_dirs:
            if not Path(local).is_dir():
                raise ConfigError(
                    f"local_dirs: there is no folder {local}", hint=looked_from(Path(local))
                )
            _check_target("local_dirs", path)

    def _check_machine(self) -> None:
        if self.image is not None:
            check_image(self.image)
        if self.region is not None and not _REGION.fullmatch(self.region):
            raise ConfigError(
                f"region={self.region!r} is no region of Modal's",
                hint='write "us", "eu" or "ap", or a part of these: "us-east"',
            )

    def _check_debug(self) -> None:
        if self.debug and self.blocks_network:
            raise ConfigError(
                "code-server, for debug=True, is reached over the network, and block_network=True, "
                "which is what a hidden model means, leaves none",
                hint="leave debug= out, or write block_network=False",
            )


def _check_distinct(where: str, what: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ConfigError(
                f"{count} {where} have {what}={name!r}",
                hint=f"give each model a {what} of its own" if where == "models" else "",
            )


def _check_target(where: str, path: str) -> None:
    if not path.strip() or ".." in PurePosixPath(path).parts:
        raise ConfigError(
            f"{where}: {path!r} is no path in the sandbox",
            hint="use a path below /root or /workspace",
        )


def _bytes(mebibytes: int | None) -> int | None:
    return None if mebibytes is None else mebibytes * 1024 * 1024
