"""System calls that Python has no function for."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Any

_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION = 0x20080522
_LIBC = ctypes.CDLL(None, use_errno=True)


def system_call(number: int, *arguments: Any) -> int:
    """Make a system call; numbers among the arguments are 64 bits wide.

    Raises:
        OSError: it failed.
    """
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return _checked(_LIBC.syscall(ctypes.c_long(number), *wide))


def give_up_privileges() -> None:
    """See to it that no program that is started has more rights than this process."""
    control(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Have no more rights than any other user, though this process may be root's."""
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    _checked(_LIBC.capset(ctypes.c_char_p(header), ctypes.c_char_p(bytes(24))))


def close_memory() -> None:
    """Let no other process of the user's read this one's memory, in which tokens go by.

    A program that this process starts is as open as any.
    """
    control(_PR_SET_DUMPABLE, 0)


def control(option: int, *arguments: Any) -> None:
    """Call prctl. Raises what `system_call` raises."""
    wide = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    wide += [ctypes.c_ulong(0)] * (4 - len(wide))
    _checked(_LIBC.prctl(option, *wide))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
