"""Landlock: a process takes rights from itself. Later kernels know more of them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct

from seer_runtime.isolation.kernel import give_up_privileges, system_call
from seer_runtime.wire.settings import Confinement

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION = 1
_BELOW_PATH = 1
_READ = 0b1101
"""Execute, read files, list folders."""

_FILE = 0xC007
"""What is done with files, as opposed to folders: of ABI 5, truncation and ioctl among it."""

_FILES = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_NETWORK = 0b11
"""To bind and to connect TCP sockets: ABI 4."""

_SCOPES = 0b11
"""Abstract sockets and signals of processes outside: ABI 6."""


def version() -> int:
    """Give the kernel's ABI; 0 where it has no Landlock."""
    try:
        return system_call(_CREATE, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict(confinement: Confinement) -> None:
    """Reach no abstract socket and no process outside from now on, and no other files.

    Raises:
        OSError: the kernel refuses, or files were to be restricted and it cannot.
    """
    abi = version()
    files = _FILES.get(min(abi, 5), 0) if confinement.restricts_files else 0
    if confinement.restricts_files and not files:
        raise OSError("this kernel has no Landlock")
    network = _NETWORK if abi >= 4 and not confinement.has_network else 0
    scopes = _SCOPES if abi >= 6 else 0
    if not (files or network or scopes):
        return
    attributes = struct.pack("QQQ", files, network, scopes)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = system_call(_CREATE, ctypes.c_char_p(attributes), size, 0)
    try:
        if files:
            _allow(ruleset, confinement, files)
        give_up_privileges()
        system_call(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, confinement: Confinement, files: int) -> None:
    for path in confinement.writable:
        _add(ruleset, path, files)
    for path in confinement.readable:
        _add(ruleset, path, files & _READ)


def _add(ruleset: int, path: str, rights: int) -> None:
    # What this machine does not have cannot be reached either.
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                rights &= _FILE
            # Packed: no padding between the two.
            rule = struct.pack("=Qi", rights, descriptor)
            system_call(_ADD, ruleset, _BELOW_PATH, ctypes.c_char_p(rule), 0)
        finally:
            os.close(descriptor)
