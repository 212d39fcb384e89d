"""System calls that nothing in a sandbox makes: a filter, as the kernel's own BPF."""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple

from seer_runtime.isolation.kernel import control, give_up_privileges

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_ERROR = 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16
"""Where the kernel's `struct seccomp_data` has what a filter asks for."""

_NEW_NAMESPACES = 0x7E020000
"""Every CLONE_NEW* flag."""

_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)


class Calls(NamedTuple):
    """The numbers of system calls on one kind of machine."""

    machine: int
    clone: int
    clone3: int
    socket: int
    refused: tuple[int, ...]
    foreign: int
    """From this number on, calls are another architecture's."""


# ptrace, process_vm_readv, process_vm_writev, mount, umount2, pivot_root, chroot, unshare, setns,
# bpf, perf_event_open, userfaultfd, add_key, request_key, keyctl, kexec_load, kexec_file_load,
# init_module, finit_module, delete_module, swapon, swapoff, reboot, acct, quotactl,
# open_by_handle_at, kcmp, syslog, fanotify_init, settimeofday, clock_settime
_X86: tuple[int, ...] = (
    101,
    310,
    311,
    165,
    166,
    155,
    161,
    272,
    308,
    321,
    298,
    323,
    248,
    249,
    250,
    246,
    320,
    175,
)
_X86 += (313, 176, 167, 168, 169, 163, 179, 304, 312, 103, 300, 164, 227)
_ARM: tuple[int, ...] = (
    117,
    270,
    271,
    40,
    39,
    41,
    51,
    97,
    268,
    280,
    241,
    282,
    217,
    218,
    219,
    104,
    294,
    105,
)
_ARM += (273, 106, 224, 225, 142, 89, 60, 265, 272, 116, 262, 170, 112)
# io_uring_setup, io_uring_enter, io_uring_register, open_tree, move_mount, fsopen, fsconfig,
# fsmount, fspick, pidfd_getfd, mount_setattr, open_tree_attr: the same everywhere.
_NEWER = (425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442, 467)

_CALLS = {
    "x86_64": Calls(0xC000003E, 56, 435, 41, _X86 + _NEWER, 0x40000000),
    "aarch64": Calls(0xC00000B7, 220, 435, 198, _ARM + _NEWER, 0xFFFFFFFF),
}


def restrict(*, has_network: bool) -> None:
    """Refuse them from now on; without a network, sockets of other machines' kinds too.

    On another kind of machine than x86_64 and aarch64 it does nothing.

    Raises:
        OSError: the kernel has no filters.
    """
    calls = _CALLS.get(platform.machine())
    if calls is None:
        return
    program = build_filter(calls, _FAMILIES if has_network else _FAMILIES[:1])
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    give_up_privileges()
    control(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(header))


def build_filter(calls: Calls, families: Iterable[int]) -> bytes:
    """Give a filter that lets sockets of these families through, and what is not refused."""
    no = _instruction(_RETURN, _ERROR | errno.EPERM)
    program = [
        _instruction(_LOAD, _MACHINE),
        *_unless(_EQUAL, calls.machine, no),
        _instruction(_LOAD, _NUMBER),
        *_where(_AT_LEAST, calls.foreign, no),
        *_where(_EQUAL, calls.clone3, _instruction(_RETURN, _ERROR | errno.ENOSYS)),
    ]
    for number in calls.refused:
        program += _where(_EQUAL, number, no)
    flags = [_instruction(_LOAD, _FIRST_ARGUMENT), *_where(_ANY_BIT, _NEW_NAMESPACES, no)]
    family = [_instruction(_LOAD, _FIRST_ARGUMENT)]
    for known in families:
        family += _where(_EQUAL, known, _instruction(_RETURN, _ALLOW))
    family.append(_instruction(_RETURN, _ERROR | errno.EAFNOSUPPORT))
    program += _where(_EQUAL, calls.clone, *flags, _instruction(_RETURN, _ALLOW))
    program += _where(_EQUAL, calls.socket, *family)
    return b"".join([*program, _instruction(_RETURN, _ALLOW)])


def _where(test: int, value: int, *then: bytes) -> list[bytes]:
    return [_instruction(test, value, 0, len(then)), *then]


def _unless(test: int, value: int, *then: bytes) -> list[bytes]:
    return [_instruction(test, value, len(then), 0), *then]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
