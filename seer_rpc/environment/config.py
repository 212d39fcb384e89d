"""What a sandbox is to be: checked when it is written down."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

from seer_rpc.backends.listening import Listening, Tls
from seer_rpc.backends.protocol import IsolationLevel, Limits
from seer_rpc.errors import ConfigError

GPUS = ("T4", "L4", "A10G", "A100", "A100-40GB", "A100-80GB", "H100")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass
class ModelConfig:
    """A model to have in the sandbox.

    Raises:
        ConfigError: the fields do not fit together.
    """

    name: str
    """A Hugging Face id, `org/model` or `org/model@revision`; a directory; or a GGUF file."""

    var_name: str = "model"
    """The variable that holds it in notebook kernels."""

    hidden: bool = False
    """Whether agents are kept from knowing which model it is."""

    is_peft: bool = False
    """Whether it is an adapter, to be loaded on `base_model`."""

    base_model: str | None = None

    def __post_init__(self) -> None:
        """Check."""
        if not self.name:
            raise ConfigError("a model needs a name", hint='ModelConfig(name="org/model")')
        if not self.var_name.isidentifier() or keyword.iskeyword(self.var_name):
            raise ConfigError(f"var_name={self.var_name!r} cannot be the name of a variable")
        if self.is_peft and not self.base_model:
            raise ConfigError(
                f"{self.name!r} is an adapter: it needs the model that it adapts",
                hint='give base_model="org/model", or leave is_peft out',
            )
        if self.base_model and not self.is_peft:
            raise ConfigError(
                f"{self.name!r} has a base_model and is no adapter",
                hint="give is_peft=True, or leave base_model out",
            )


class ExecutionMode(Enum):
    """What a sandbox is prepared for."""

    NOTEBOOK = "notebook"
    CLI = "cli"


@dataclass
class RepoConfig:
    """A git repository to have in the sandbox."""

    url: str
    """`owner/repo` on GitHub, a URL, or a folder here; `@revision` at its end pins it."""

    dockerfile: str | None = None
    """The path in it of a Dockerfile, for `Sandbox.start_container`."""

    install: bool = False
    """Whether its Python package is installed, editable."""


_LISTS: dict[str, type] = {
    "models": ModelConfig,
    "python_packages": str,
    "system_packages": str,
    "repos": RepoConfig,
    "secrets": str,
    "local_files": tuple,
    "local_dirs": tuple,
}


@dataclass
class SandboxConfig:
    """What a sandbox is to be.

    Raises:
        ConfigError: a field cannot be as it is written; the message says what to write.
    """

    gpu: str | None = None
    """One of T4, L4, A10G, A100, A100-40GB, A100-80GB, H100; None for the CPU."""

    gpu_count: int = 1
    execution_mode: ExecutionMode = ExecutionMode.NOTEBOOK
    models: list[ModelConfig] = field(default_factory=list)
    python_packages: list[str] = field(default_factory=list)
    """pip requirements, pins allowed."""

    system_packages: list[str] = field(default_factory=list)
    """Debian packages."""

    secrets: list[str] = field(default_factory=list)
    """Names of environment variables of this process to pass on."""

    repos: list[RepoConfig] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    timeout: int = 3600
    """Seconds after which the sandbox ends by itself."""

    local_files: list[tuple[str, str]] = field(default_factory=list)
    """(local path, path in the sandbox)"""

    local_dirs: list[tuple[str, str]] = field(default_factory=list)
    """(local folder, folder in the sandbox)"""

    debug: bool = False
    """Whether a code-server runs beside it."""

    isolation: IsolationLevel | Literal["auto"] = "auto"
    """What keeps it apart on this machine; "auto" is the best that there is."""

    block_network: bool = False
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
    for one that is free. None: it is reached from this machine alone."""

    tls: Tls = "mutual"
    """What guards that port, the token aside: "mutual", where clients need a certificate of the
    sandbox's; "server", where it alone has one; "off", which only loopback addresses may be."""

    advertise: str | None = None
    """The name or address, `:port` where another one leads there, under which other machines reach
    this one. By default where it listens; where that is all addresses, this machine's name."""

    @property
    def listening(self) -> Listening | None:
        """Where it listens for other machines, and what guards that."""
        return Listening.parse(self.listen, self.tls, self.advertise)

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
        self._check_lists()
        self._check_gpu()
        self._check_models()
        self._check_variables()
        self._check_paths()
        Listening.parse(self.listen, self.tls, self.advertise)
        for name in ("timeout", "idle_timeout"):
            seconds = getattr(self, name)
            if seconds is not None and not seconds > 0:
                raise ConfigError(f"{name}={seconds} must be a positive number of seconds")

    def _check_lists(self) -> None:
        for name, kind in _LISTS.items():
            values = getattr(self, name)
            if not isinstance(values, list | tuple) or not all(isinstance(v, kind) for v in values):
                raise ConfigError(
                    f"{name}={values!r} must be a list of {kind.__name__}",
                    hint=f"write {name}=[...], with brackets even around a single one",
                )

    def _check_gpu(self) -> None:
        if self.gpu is not None and self.gpu not in GPUS:
            raise ConfigError(f"gpu={self.gpu!r} is not known", hint=f"one of {', '.join(GPUS)}")
        if self.gpu_count < 1:
            raise ConfigError(f"gpu_count={self.gpu_count} must be at least 1")

    def _check_models(self) -> None:
        names = Counter(model.var_name for model in self.models)
        for name, count in names.items():
            if count > 1:
                raise ConfigError(
                    f"{count} models have var_name={name!r}",
                    hint="give each model a var_name of its own",
                )

    def _check_variables(self) -> None:
        for name in (*self.secrets, *self.env):
            if not _VARIABLE.fullmatch(name):
                raise ConfigError(
                    f"{name!r} is no name of an environment variable",
                    hint="secrets are names of variables that are set here, never values",
                )
        for name, value in self.env.items():
            if not isinstance(value, str):
                raise ConfigError(f"env[{name!r}] must be text, not {type(value).__name__}")

    def _check_paths(self) -> None:
        for local, _ in self.local_files:
            if not Path(local).is_file():
                raise ConfigError(f"local_files: there is no file {local}")
        for local, _ in self.local_dirs:
            if not Path(local).is_dir():
                raise ConfigError(f"local_dirs: there is no folder {local}")


def _bytes(mebibytes: int | None) -> int | None:
    return None if mebibytes is None else mebibytes * 1024 * 1024
