"""Where a sandbox's files appear to its processes, and how the first of them is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seer_rpc.backends.import_path import LIBRARIES, with_libraries
from seer_rpc.backends.local import namespace
from seer_rpc.backends.local.folders import OWN, Folders
from seer_rpc.backends.local.front_python import (
    interpreter_folders,
    interpreter_links,
    other_packages,
    runtime_folder,
)
from seer_rpc.backends.local.namespace import Bubblewrap, Namespace, find_bubblewrap
from seer_rpc.backends.local.python import Venv, own_packages
from seer_rpc.backends.protocol import IsolationLevel, MachineSpec
from seer_runtime.wire.marks import FRONT
from seer_runtime.wire.settings import Confinement

# What a process needs of the user's environment; the rest may hold secrets.
_PASSED_ON = frozenset(
    {
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "NVIDIA_DRIVER_CAPABILITIES",
        "NVIDIA_TF32_OVERRIDE",
        "NVIDIA_VISIBLE_DEVICES",
        "PATH",
        "PYTHONPATH",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "VIRTUAL_ENV",
    }
)
# NVIDIA_API_KEY and its like are why there are not more of them.
_PASSED_ON_PREFIXES = ("CUDA_", "LC_", "MKL_", "OMP_", "ROCM_", "TORCH_")
# gRPC's own messages are none that help, and strangers at a port could fill the log with them.
_GRPC = {"GRPC_ENABLE_FORK_SUPPORT": "0", "GRPC_VERBOSITY": "NONE"}
# Of /proc what tells of the machine: the rest of it tells of its processes.
_MACHINE = ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version")
# No pseudo-terminals: the user's own ones lie in the same folder.
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A sandbox's view of its own files."""

    command: Sequence[str]
    """What starts the front."""

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What that begins with; a namespace gives it what is its own."""

    descriptors: Sequence[object] = ()
    variables: Mapping[str, str] = field(repr=False)
    """The environment of the workers."""

    socket: str
    run: str
    """The folder of the sockets and the journal."""

    home: str
    memory_events: str
    folders: Mapping[str, str] = field(default_factory=dict)
    """Where its own folders lie, where the paths that it knows are not theirs."""

    confinement: Confinement | None = None


def make_place(
    level: IsolationLevel, spec: MachineSpec, folders: Folders, events: Path | None, python: Venv
) -> Place:
    """Give what there is of a sandbox's files at a level of isolation.

    Raises:
        SandboxStartError: its files are in the way.
    """
    if level == "namespace":
        return _in_namespace(spec, folders, events, python)
    confinement = _confinement(spec, folders, events, python) if level == "landlock" else None
    return _in_the_open(confinement, spec, folders, events, python)


def _in_namespace(spec: MachineSpec, folders: Folders, events: Path | None, python: Venv) -> Place:
    bubblewrap = find_bubblewrap()
    assert isinstance(bubblewrap, Bubblewrap)
    programs = [*python.layers.read_only(), *spec.programs]
    place = Namespace(bubblewrap, spec, folders, events, programs)
    environment = place.environment(_passed_on())
    return Place(
        command=place.command,
        descriptors=place.descriptors({**environment, **_GRPC, FRONT: spec.sandbox_id}),
        variables=with_libraries({**_with(python, environment), **spec.environment}, LIBRARIES),
        socket=f"{namespace.RUN}/{folders.socket.name}",
        run=namespace.RUN,
        home="/root",
        memory_events=namespace.MEMORY_EVENTS if events is not None else "",
        # Of files, processes and a network there is nothing but what is its own.
        confinement=Confinement(),
    )


def _in_the_open(
    confinement: Confinement | None,
    spec: MachineSpec,
    folders: Folders,
    events: Path | None,
    python: Venv,
) -> Place:
    environment = _passed_on()
    own, packages = _with(python, environment), []
    if confinement is not None:
        packages = [str(_library(folders, python))]
        temporary = {"TMPDIR": str(_temporary(folders))}
        own |= temporary
        environment |= temporary
        environment["PYTHONPATH"] = os.pathsep.join([*packages, *other_packages()])
    home = str(folders.all / "root")
    for path, source in spec.models.items():
        folders.find(path).symlink_to(source, target_is_directory=True)
    return Place(
        command=[sys.executable, "-P", "-m", "seer_runtime"],
        environment={**environment, **_GRPC, FRONT: spec.sandbox_id},
        variables=with_libraries(
            {**own, "HOME": home, **spec.environment}, str(folders.find(LIBRARIES)), *packages
        ),
        socket=str(folders.socket),
        run=str(folders.run),
        home=home,
        memory_events=str(events or ""),
        folders={f"/{name}": str(folders.all / name) for name in OWN},
        confinement=confinement,
    )


def _with(python: Venv, environment: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of what runs in the sandbox's own Python."""
    path = os.pathsep.join([python.path, environment.get("PATH", os.defpath)])
    own = {**environment, **python.variables, "PATH": path}
    # Its folders are among the layers, below what the sandbox has of its own.
    own.pop("PYTHONPATH", None)
    return own


def _confinement(
    spec: MachineSpec, folders: Folders, events: Path | None, python: Venv
) -> Confinement:
    devices = [Path("/dev", name) for name in _DEVICES]
    readable = [
        *map(Path, namespace.system_paths()),
        *interpreter_folders(),
        *interpreter_links(),
        runtime_folder(),
        *python.layers.read_only(),
        *spec.programs,
        _library(folders, python),
        *(Path("/proc", name) for name in _MACHINE),
        *_model_paths(spec.models.values()),
        *([events] if events is not None else []),
    ]
    return Confinement(
        restricts_files=True,
        writable=[*map(str, [*folders.written, *devices]), *namespace.gpu_devices()],
        readable=list(map(str, readable)),
        has_network=not spec.blocks_network,
    )


def _model_paths(sources: Iterable[str]) -> Iterator[Path]:
    """Give the folders, and the files that links in them stand for."""
    for source in map(Path, sources):
        yield source
        yield from {file.resolve() for file in namespace.whole(source)}


def _library(folders: Folders, python: Venv) -> Path:
    """Give a folder to import from what is not installed, and nothing that lies beside it here."""
    library = folders.all / "lib"
    library.mkdir(exist_ok=True)
    for package in (*own_packages(), *python.layers.interpreter.loose()):
        link = library / package.name
        if not link.is_symlink():
            link.symlink_to(package)
    return library


def _temporary(folders: Folders) -> Path:
    folders.temporary.mkdir(exist_ok=True, mode=0o700)
    return folders.temporary


def _passed_on() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
