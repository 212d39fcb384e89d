"""Where a name could be: all that a sandbox can read of itself, and what is written down of it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from seer_rpc.environment import Sandbox, ScopedSandbox
from seer_rpc.registry import all_sandboxes
from tests.hidden.canary import found_in
from tests.pids import descendants

_PIECE = 16 << 20
_PROC = ("environ", "cmdline", "maps", "mountinfo", "mounts", "status", "comm", "cgroup")

# What runs in the sandbox, so that it sees what an agent would; it knows no name.
_READ_ALL = """
import os, stat, struct, sys
programs = (sys.base_prefix, *(path for path in sys.path if len(path) > 1))
with open("/dev/shm/all", "wb") as out:
    for top in ("/models", "/root", "/workspace", "/run", "/tmp", "/etc", "/var"):
        for folder, below, files in os.walk(top):
            if folder.startswith(programs):
                below.clear()
                continue
            for name in [".", *files]:
                path = os.path.join(folder, name)
                content = b""
                if os.path.islink(path):
                    content = os.fsencode(os.readlink(path))
                elif stat.S_ISREG(os.stat(path).st_mode):
                    try:
                        content = open(path, "rb").read(64 << 20)
                    except OSError:
                        pass
                for part in (os.fsencode(path), content):
                    out.write(struct.pack("<Q", len(part)) + part)
    try:
        own = open("/proc/1/environ", "rb").read()
    except OSError:
        own = b""
    for part in (b"/proc/1/environ", own):
        out.write(struct.pack("<Q", len(part)) + part)
"""


def files_inside(sandbox: Sandbox | ScopedSandbox) -> Iterator[tuple[str, bytes]]:
    """Give each file that a sandbox can read and that is no program, by its path."""
    sandbox.exec_python(_READ_ALL)
    content = sandbox.read_bytes("/dev/shm/all")
    parts: list[bytes] = []
    place = 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 8], "little")
        parts.append(content[place + 8 : place + 8 + size])
        place += 8 + size
    for path, found in zip(parts[::2], parts[1::2], strict=True):
        yield f"file {path.decode()}", path + b"\0" + found


def processes(root: int) -> Iterator[tuple[str, bytes]]:
    """Give what the system says of each process of a sandbox, which `root` started, and its memory.

    `root` is `warden_of` a sandbox of this machine, or the `pid` of an emulated one's machine.
    """
    for pid in descendants(root):
        for name in _PROC:
            with contextlib.suppress(OSError):
                yield f"/proc/{pid}/{name}", Path(f"/proc/{pid}/{name}").read_bytes()
        with contextlib.suppress(OSError):
            links = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
            yield f"/proc/{pid}/fd", "\n".join(links).encode()
        with contextlib.suppress(OSError):
            yield from _memory(pid)


def written_down(sandbox: Sandbox | ScopedSandbox) -> Iterator[tuple[str, str]]:
    """Give what this machine tells of a sandbox."""
    for record in all_sandboxes():
        yield "record", (record.folder / "record.json").read_text()
    yield "config", repr(sandbox.config)
    yield "handles", repr(sandbox.model_handles)
    yield "sandbox", repr(vars(sandbox))
    assert sandbox._run is not None
    yield "log", "\n".join(sandbox._run.machine.logs(1000))
    yield "calls", repr(sandbox.calls())
    snapshot = sandbox.snapshot("kept")
    yield "snapshot", repr(snapshot)


def artefacts(scoped: ScopedSandbox, file: Path) -> Iterator[tuple[str, str]]:
    """Give all that is generated for an interface."""
    library = scoped.serve(file)
    yield "library", json.dumps(library.files)
    yield "docs", library.docs
    yield "prompt", scoped.prompt(file.stem, 20_000)
    skill = scoped.serve(file, "skill")
    yield "skill", repr(skill.files)
    yield "mcp", json.dumps(scoped.serve(file, "mcp"))
    yield "connection", scoped.connection(file.stem).to_json()


def hits(surfaces: Iterator[tuple[str, bytes]] | Iterator[tuple[str, str]]) -> list[str]:
    """Give where names are, and in which forms."""
    return [f"{place}: {form}" for place, content in surfaces for form in found_in(content)]


def _memory(pid: int) -> Iterator[tuple[str, bytes]]:
    """Give what a process has written to in its memory, piece by piece."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end in _written(pid):
            for place in range(begin, end, _PIECE):
                # What lies over the edge of two pieces is in the first.
                length = min(_PIECE + 1024, end - place)
                with contextlib.suppress(OSError, ValueError, OverflowError):
                    memory.seek(place)
                    yield f"memory of {pid}", memory.read(length)


def _written(pid: int) -> Iterator[tuple[int, int]]:
    span = (0, 0)
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first, second, *_ = line.split()
        if not first.endswith(":"):
            begin, end = (int(each, 16) for each in first.split("-"))
            span = (begin, end) if second.startswith("rw") else (0, 0)
        elif first == "Rss:" and second != "0" and span[1]:
            yield span
