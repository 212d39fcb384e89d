"""A world of its own for a sandbox, by bubblewrap: what it sees of this machine, and where."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from seer_rpc.backends.local.folders import OWN, Folders
from seer_rpc.backends.local.front_python import (
    interpreter_folders,
    interpreter_links,
    other_packages,
    runtime_folder,
)
from seer_rpc.backends.protocol import MachineSpec

RUN = "/run/seer"
_RUNTIME = "/opt/seer"
_CERTIFICATES = "/run/certificates.pem"
MEMORY_EVENTS = "/run/memory.events"

_DESCRIPTOR = 10
"""The first one at which the warden leaves contents for the first process."""

_ISOLATED = (
    *("--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"),
    *("--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
)
_TRIAL = (
    *("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
    *("--remount-ro", "/", "/bin/true"),
)
_NO_MORE_NAMESPACES = "--disable-userns"

# The top of the tree, whether this machine has folders there or links into /usr.
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")

# Nothing secret: not all of /etc/ssl, which has a folder of keys.
_CONFIGURATION = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "timezone"),
    *("ssl/certs", "ssl/openssl.cnf", "ca-certificates", "pki/tls/certs", "pki/ca-trust"),
    *("nsswitch.conf", "services", "protocols", "mime.types", "fonts", "os-release"),
    *("debian_version", "OpenCL", "vulkan"),
)
# What a namespace has files of its own for.
_MORE = ("/etc/passwd", "/etc/group", "/etc/hosts", "/sys/devices/system")

_PASSWD = (
    "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/root:/bin/bash\nnobody:x:65534:65534::/:/bin/sh\n"
)
_GROUP = "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n"
_HOSTS = "127.0.0.1 localhost sandbox\n::1 localhost\n"

# Root's files in /proc are the user's own to a sandbox that root starts, the kernel's switches in
# /proc/sys among them.
_READ_ONLY = ("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/")

_PROCESSORS = ("/sys/devices/system/cpu", "/sys/devices/system/node")


class Bubblewrap(NamedTuple):
    """The program, and what its version can do."""

    path: str
    options: Sequence[str]


class Problem(NamedTuple):
    """Why there is no namespace level here, and what to do about it."""

    reason: str
    remedy: str


@cache
def find_bubblewrap() -> Bubblewrap | Problem:
    """Look for it, and try it: that it is there does not mean that the system lets it work."""
    path = shutil.which("bwrap")
    if path is None:
        return Problem(
            "bubblewrap is not installed", "apt install bubblewrap, or your system's way"
        )
    said = ""
    for options in ((*_ISOLATED, _NO_MORE_NAMESPACES), _ISOLATED):
        tried = subprocess.run(
            [path, *options, *_TRIAL],
            env={},
            capture_output=True,
            text=True,
            check=False,
        )
        if tried.returncode == 0:
            return Bubblewrap(path, options)
        said = tried.stderr.strip()
    return Problem(f"bubblewrap does not work here: {said}", _remedy())


def _remedy() -> str:
    switches = {
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        "/proc/sys/kernel/unprivileged_userns_clone": (
            "0",
            "sudo sysctl kernel.unprivileged_userns_clone=1",
        ),
        "/proc/sys/user/max_user_namespaces": ("0", "sudo sysctl user.max_user_namespaces=10000"),
    }
    for file, (off, remedy) in switches.items():
        try:
            if Path(file).read_text().strip() == off:
                return remedy
        except OSError:
            continue
    return "user namespaces must be allowed to this user; inside a container they often are not"


class Namespace:
    """The arguments with which bubblewrap makes the world of one sandbox."""

    def __init__(
        self,
        bubblewrap: Bubblewrap,
        spec: MachineSpec,
        folders: Folders,
        events: Path | None,
        shared: Sequence[Path],
    ) -> None:
        """Make mount points where they lie in the sandbox's own folders; it can read `shared`.

        Raises:
            SandboxStartError: something else is there.
        """
        self._bubblewrap = bubblewrap
        self._spec = spec
        self._folders = folders
        self._events = events
        self._shared_paths = shared
        self._contents: list[bytes] = []
        self._gpus = gpu_devices()
        self._visible = [Path("/usr"), *map(Path, OWN)]

    @property
    def command(self) -> list[str]:
        """Give what to run; what is behind it shows in the sandbox, and names nothing of here."""
        # Without -s it would run what a snapshot has in the home, before it confines itself.
        runtime = [sys.executable, "-P", "-s", "-m", "seer_runtime"]
        return [self._bubblewrap.path, "--args", str(_DESCRIPTOR), "--", *runtime]

    def descriptors(self, environment: dict[str, str]) -> list[bytes]:
        """Give what bubblewrap is to find open: its arguments and files for the sandbox."""
        arguments = [*self._bubblewrap.options, *self._arguments()]
        for name, value in environment.items():
            arguments += ["--setenv", name, value]
        content = b"".join(os.fsencode(each) + b"\0" for each in arguments)
        return [content, *self._contents]

    def environment(self, passed_on: dict[str, str]) -> dict[str, str]:
        """Give the environment of the sandbox, with what of this process's makes sense there."""
        kept = {name: self._seen(name, value) for name, value in passed_on.items()}
        places = [Path(sys.executable).parent, "/usr/local/bin", "/usr/bin", "/bin"]
        return {
            **{name: value for name, value in kept.items() if value},
            "PATH": os.pathsep.join(map(str, places)),
            "PYTHONPATH": os.pathsep.join([_RUNTIME, *other_packages()]),
            "HOME": "/root",
            "USER": "user",
        }

    def _seen(self, name: str, value: str) -> str:
        """Leave out the paths that do not lead anywhere in the sandbox."""
        if name == "SSL_CERT_FILE" and Path(value).is_file():
            return _CERTIFICATES
        parts = value.split(os.pathsep)
        return os.pathsep.join(
            part for part in parts if not part.startswith("/") or _is_system(part)
        )

    def _arguments(self) -> Iterator[str]:
        yield from self._system()
        yield from self._volatile()
        yield from self._own()
        yield from self._shared()
        if not self._spec.blocks_network:
            yield from ("--share-net", "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf")
        yield from ("--chdir", "/root", *_READ_ONLY)

    def _system(self) -> Iterator[str]:
        yield from ("--ro-bind", "/usr", "/usr")
        for name in _SYSTEM:
            place = Path(name)
            if place.is_symlink():
                yield from ("--symlink", str(place.readlink()), name)
            elif place.is_dir():
                yield from ("--ro-bind", name, name)
        for name in _CONFIGURATION:
            yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
        for file, text in (("passwd", _PASSWD), ("group", _GROUP), ("hosts", _HOSTS)):
            yield from ("--ro-bind-data", self._content(text), f"/etc/{file}")
        for name in ("/sys",) if self._gpus else _PROCESSORS:
            yield from ("--ro-bind-try", name, name)

    def _volatile(self) -> Iterator[str]:
        size = str(_volatile_bytes(self._spec.limits.memory))
        yield from ("--proc", "/proc", "--dev", "/dev")
        for device in self._gpus:
            yield from ("--dev-bind", device, device)
        for name in ("/tmp", "/dev/shm"):
            yield from ("--perms", "1777", "--size", size, "--tmpfs", name)
        yield from ("--symlink", "../tmp", "/var/tmp")

    def _own(self) -> Iterator[str]:
        for name in OWN:
            yield from ("--bind", str(self._folders.all / name), f"/{name}")
        yield from ("--bind", str(self._folders.run), RUN)
        if self._events is not None:
            yield from ("--ro-bind", str(self._events), MEMORY_EVENTS)
        certificates = os.environ.get("SSL_CERT_FILE", "")
        if Path(certificates).is_file():
            yield from ("--ro-bind", certificates, _CERTIFICATES)

    def _shared(self) -> Iterator[str]:
        """Give what is read from this machine: it may lie over the sandbox's own folders."""
        folders = interpreter_folders()
        more = [each for each in self._shared_paths if not set(folders) & {each, *each.parents}]
        for folder in (*folders, *more):
            if folder.exists() and not _is_system(str(folder)):
                yield from self._read_only(folder, str(folder))
        for link in interpreter_links():
            if not _is_system(str(link)):
                yield from self._read_only(link.resolve(), str(link))
        for path, source in self._spec.models.items():
            for file in whole(Path(source)):
                place = PurePosixPath(path, file.relative_to(source))
                yield from self._read_only(file.resolve(), str(place))
        yield from ("--ro-bind", str(runtime_folder()), f"{_RUNTIME}/seer_runtime")

    def _read_only(self, source: Path, path: str) -> Iterator[str]:
        self._folders.make_mount_point(path, source.is_dir())
        yield from ("--ro-bind", str(source), path)

    def _content(self, text: str) -> str:
        self._contents.append(text.encode())
        return str(_DESCRIPTOR + len(self._contents))


def system_paths() -> list[str]:
    """Give what every program needs of this machine's system, and may read."""
    return [
        "/usr",
        *_SYSTEM,
        *(f"/etc/{name}" for name in _CONFIGURATION),
        "/etc/resolv.conf",
        *_MORE,
    ]


def whole(folder: Path) -> list[Path]:
    """Give the folder, or its files where they are links that lead out of it."""
    files = [each for each in folder.rglob("*") if not each.is_dir()]
    inside = folder.resolve()
    leads_out = any(not each.resolve().is_relative_to(inside) for each in files)
    return files if leads_out else [folder]


def _is_system(path: str) -> bool:
    place = Path(path)
    roots = ("/usr", *_SYSTEM, "/etc/ssl/certs", "/dev", "/proc", "/sys")
    return any(place.is_relative_to(root) for root in roots)


def gpu_devices() -> list[str]:
    """Give the devices of this machine's GPUs."""
    found = [*Path("/dev").glob("nvidia*"), *Path("/dev").glob("dri"), *Path("/dev").glob("kfd")]
    return sorted(map(str, found))


def _volatile_bytes(limit: int | None) -> int:
    """Give the size of each folder that lies in memory: both leave room for what runs."""
    everything = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return everything // 2 if limit is None else min(limit, everything) // 4
