"""Sandboxes on this machine: a front as a child process, its paths mapped into a folder.

Nothing here isolates: an interface file runs with the user's own rights.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from seer_rpc.backends.local.premises import (
    FOLDERS,
    KEPT,
    LAST_LINES,
    SOCKETS,
    Premises,
    remove_folders,
)
from seer_rpc.backends.local.python import Layers, make_venv
from seer_rpc.backends.network import Entrance
from seer_rpc.backends.protocol import MachineSpec, NetworkAccess
from seer_rpc.client.obituary import Obituary, write_obituary
from seer_rpc.errors import SandboxStartError, SnapshotError
from seer_rpc.snapshots import restore_snapshot
from seer_runtime.wire.limits import MAX_SOCKET_PATH
from seer_runtime.wire.marks import FRONT, kill_marked
from seer_runtime.wire.settings import Settings

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 15.0
# What a process needs of the user's environment; the rest may hold secrets.
_PASSED_ON = frozenset(
    {
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONPATH",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "VIRTUAL_ENV",
    }
)
# gRPC's own messages are none that help, and strangers at a port could fill the log with them.
_GRPC = {"GRPC_ENABLE_FORK_SUPPORT": "0", "GRPC_VERBOSITY": "NONE"}
_PASSED_ON_PREFIXES = ("CUDA_", "LC_", "MKL_", "NVIDIA_", "OMP_", "ROCM_", "TORCH_")


class LocalMachine(Premises):
    """A front on this machine, and the folder that holds its files."""

    def __init__(self, spec: MachineSpec, layers: Layers) -> None:
        """Start it, its Pythons over `layers`.

        Raises:
            PackageMissingError: a package that it needs here is not installed.
            SandboxStartError: it does not answer.
            SnapshotError: what it is to start from cannot be restored.
        """
        super().__init__(spec.sandbox_id, spec.name)
        entrance = Entrance.of(spec)
        self.network: NetworkAccess | None = None
        self.isolation = "none"
        self._is_detached = spec.is_detached
        self._owner = os.getpid()
        self._sockets = _socket_folder(self._folder)
        self.endpoint = f"unix:{self._sockets / 'front.sock'}"
        self._stopping = False
        try:
            for name in FOLDERS:
                (self._folder / name).mkdir(parents=True, mode=0o700)
            self._folder.chmod(0o700)
            if spec.snapshot is not None:
                restore_snapshot(spec.snapshot, self._folder, KEPT)
            for path, source in spec.models.items():
                Path(self.path(path)).symlink_to(source, target_is_directory=True)
            self._process = self._spawn(spec, entrance, layers)
        except OSError as error:
            self._remove_folders()
            raise SandboxStartError(f"the sandbox cannot start: {error}") from error
        except SnapshotError:
            self._remove_folders()
            raise
        try:
            port = self._await_ready()
        except BaseException:
            self.stop()
            raise
        if entrance is not None and port is not None:
            self.network = entrance.access(port)
        watcher = threading.Thread(target=self._watch, name="seer-watcher", daemon=True)
        watcher.start()

    def exit_code(self) -> int | None:
        """Give the front's exit status, or None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """End the front by closing its input, by force where that is not enough."""
        self._stopping = True
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        # One that is stopped could not take notice.
        self._process.send_signal(signal.SIGCONT)
        if self._is_detached:
            # The second one says that there is no time to lose.
            self._process.send_signal(signal.SIGTERM)
            self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_TIMEOUT)
        self._process.kill()
        self._process.wait()
        kill_marked(self._id)
        self._remove_folders()

    def _remove_folders(self) -> None:
        if os.getpid() == self._owner:
            remove_folders(self._folder, self._sockets)

    def _spawn(
        self, spec: MachineSpec, entrance: Entrance | None, layers: Layers
    ) -> subprocess.Popen[bytes]:
        environment = _base_environment()
        home = self.path("/root")
        venv = make_venv(Path(home), home, layers)
        own = {
            **environment,
            **venv.variables,
            "HOME": home,
            "PATH": os.pathsep.join([venv.path, environment.get("PATH", os.defpath)]),
        }
        # Its folders are among the layers, below what the sandbox has of its own.
        own.pop("PYTHONPATH", None)
        settings = Settings(
            sandbox_id=self._id,
            address=self.endpoint,
            call_token_digest=spec.call_token_digest,
            admin_token_digest=spec.admin_token_digest,
            environment={**own, **spec.environment},
            working_directory=home,
            folders={f"/{name}": self.path(f"/{name}") for name in FOLDERS},
            sockets=str(self._sockets),
            owner=os.getpid(),
            lifetime=spec.lifetime,
            idle_timeout=spec.idle_timeout,
            is_detached=spec.is_detached,
            remove_at_exit=[str(self._folder), str(self._sockets)],
            port=entrance.port if entrance is not None else None,
            python=venv.python,
            journal=str(self._folder),
        )
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "seer_runtime"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**environment, **_GRPC, FRONT: self._id},
                cwd=self._folder,
                start_new_session=True,
            )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(settings.to_json())
            process.stdin.flush()
        return process

    def _await_ready(self) -> int | None:
        """Wait for the line that says so; gives the port that it names, if it names one."""
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            # Not select(): it knows only the first 1024 descriptors.
            waiting = select.poll()
            waiting.register(stream, select.POLLIN)
            ready = waiting.poll(_START_TIMEOUT * 1000)
            match stream.readline().split() if ready else []:
                case [b"ready", *port]:
                    return int(port[0]) if port else None
        problem = f"did not answer within {_START_TIMEOUT:.0f} s" if not ready else "ended"
        raise SandboxStartError(
            f"the sandbox's runtime {problem}",
            log=self.logs(LAST_LINES),
            exit_code=self.exit_code(),
        )

    def _watch(self) -> None:
        """Notice the front's death at once, and leave word of it for the clients."""
        code = self._process.wait()
        if not self._stopping:
            atexit.register(self._remove_folders)
            with contextlib.suppress(OSError):
                write_obituary(self.endpoint, Obituary(code, self.logs(LAST_LINES)))
            kill_marked(self._id)


def _socket_folder(folder: Path) -> Path:
    """Give a folder whose path can be a socket's address: short, and plain in gRPC's URIs."""
    is_short = len(os.fsencode(folder / "front.sock")) <= MAX_SOCKET_PATH
    if is_short and not set("%?#") & set(str(folder)):
        return folder
    return Path(tempfile.mkdtemp(prefix=SOCKETS))


def _base_environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
