"""Ways out of a sandbox, to be tried inside one: an interface that says which of them lead out.

What a probe gives is what it got hold of; one that is refused gives nothing, or raises. All of
them can be tried on a machine as it is: none leaves anything changed behind.
"""

import ctypes
import errno
import os
import platform
import signal
import socket
import stat
import struct
import sys
import tempfile
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
NEW_USER, NEW_NAMESPACE = 0x10000000, 0x00020000
PROBES = {}


def probe(function):
    PROBES[function.__name__] = function
    return function


@expose
def attempts() -> list[str]:
    """Name the probes."""
    return list(PROBES)


@expose
def attempt(name: str, host: dict[str, str]) -> str:
    """Try one, in a process of its own; `host` says what there is to get at."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            got = str(PROBES[name](host) or "")
        except BaseException:
            got = ""
        os.write(writing, got.encode()[:1000])
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as stream:
        got = stream.read().decode(errors="replace")
    os.waitpid(child, 0)
    return got


def call(number, *arguments):
    """Make a system call; what it says tells whether anything held it back."""
    result = LIBC.syscall(number, *arguments)
    problem = ctypes.get_errno() if result < 0 else 0
    if problem in (errno.EPERM, errno.EACCES, errno.ENOSYS):
        return ""
    return f"result {result}, {errno.errorcode.get(problem, 'no error')}"


# Files.


@probe
def reads_a_file_of_the_user(host):
    return Path(host["secret"]).read_text()


@probe
def reads_it_through_a_link_of_its_own(host):
    link = Path.home() / f"link{os.getpid()}"
    link.symlink_to(host["secret"])
    try:
        return link.read_text()
    finally:
        link.unlink()


@probe
def reads_it_through_the_first_process(host):
    return Path(f"/proc/1/root{host['secret']}").read_text()


@probe
def reads_it_through_its_own_root(host):
    return Path(f"/proc/self/root{host['secret']}").read_text()


@probe
def reads_the_passwords(host):
    return Path("/etc/shadow").read_text()


@probe
def lists_private_keys(host):
    return os.listdir("/etc/ssl/private") or "an empty folder"


@probe
def lists_the_checkout(host):
    return os.listdir(host["checkout"])


@probe
def lists_other_sandboxes(host):
    return os.listdir(host["state"])


@probe
def lists_temporary_files_of_the_host(host):
    return [name for name in os.listdir("/tmp") if name in host["temporary"]]


def writes(path):
    with open(path, "x") as file:
        file.write("probe")
    os.unlink(path)
    return path


@probe
def writes_to_the_system(host):
    return writes(f"/usr/probe{os.getpid()}")


@probe
def writes_to_the_configuration(host):
    return writes(f"/etc/probe{os.getpid()}")


@probe
def writes_to_the_root(host):
    return writes(f"/probe{os.getpid()}")


@probe
def writes_to_devices(host):
    return writes(f"/dev/probe{os.getpid()}")


@probe
def writes_to_the_interpreter(host):
    return writes(os.path.join(os.path.dirname(os.__file__), f"probe{os.getpid()}"))


@probe
def writes_to_the_runtime(host):
    module = sys.modules["seer_runtime.worker"]
    return writes(os.path.join(os.path.dirname(module.__file__), f"probe{os.getpid()}"))


@probe
def writes_what_counts_memory(host):
    return open("/run/memory.events", "r+").name


@probe
def writes_to_the_kernels_switches(host):
    return open("/proc/sys/kernel/core_pattern", "r+").name


@probe
def writes_to_any_file_of_the_kernels(host):
    found = []
    for top in ("/proc", "/sys"):
        for folder, folders, files in os.walk(top):
            if folder == "/proc":
                folders[:] = [name for name in folders if not name[0].isdigit()]
                folders[:] = [name for name in folders if "self" not in name]
            found += [path for name in files if os.access(path := f"{folder}/{name}", os.W_OK)]
    return sorted(found)


@probe
def reaches_control_groups(host):
    return os.listdir("/sys/fs/cgroup")


@probe
def reaches_the_kernels_folders(host):
    return os.listdir("/sys/kernel")


@probe
def reads_the_kernels_log(host):
    return os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)


@probe
def makes_a_device(host):
    place = os.path.join(tempfile.mkdtemp(), "disk")
    os.mknod(place, stat.S_IFBLK | 0o600, os.makedev(8, 0))
    os.unlink(place)
    return place


# Processes.


@probe
def sees_environments_of_the_host(host):
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if host["canary"].encode() in (folder / "environ").read_bytes():
                return folder
        except OSError:
            continue


@probe
def sees_processes_of_the_host(host):
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"pytest" in (folder / "cmdline").read_bytes():
                return folder
        except OSError:
            continue


@probe
def signals_a_process_of_the_host(host):
    # Numbers are used again in here: one that nobody has in a small world.
    os.kill(int(host["pid"]), 0)
    return host["pid"] if int(host["pid"]) > 500 else ""


@probe
def becomes_root(host):
    os.setuid(0)
    return open(f"/proc/{os.getpid()}/status").read() if os.geteuid() == 0 else ""


@probe
def traces(host):
    return "traced" if LIBC.ptrace(0, 0, 0, 0) == 0 else ""


@probe
def reads_memory_of_others(host):
    place = ctypes.create_string_buffer(8)
    vector = struct.pack("PN", ctypes.addressof(place), 8)
    return call(310 if X86 else 270, os.getpid(), vector, 1, vector, 1, 0)


# Privileges that system calls give.


@probe
def mounts(host):
    place = tempfile.mkdtemp()
    result = LIBC.mount(b"none", place.encode(), b"tmpfs", 0, None)
    if result == 0:
        LIBC.umount2(place.encode(), 2)
    return "" if result else place


@probe
def opens_a_file_system(host):
    return call(430, b"tmpfs", 0)


@probe
def opens_a_tree(host):
    return call(428, -100, b"/", 1)


@probe
def leaves_for_a_user_namespace(host):
    return "" if LIBC.unshare(NEW_USER) else "unshared"


@probe
def leaves_for_a_mount_namespace(host):
    return "" if LIBC.unshare(NEW_NAMESPACE) else "unshared"


@probe
def enters_a_namespace(host):
    descriptor = os.open("/proc/self/ns/net", os.O_RDONLY)
    return "" if LIBC.setns(descriptor, 0) else "entered"


@probe
def clones_into_a_user_namespace(host):
    result = LIBC.syscall(56 if X86 else 220, NEW_USER | signal.SIGCHLD, 0, 0, 0, 0)
    if result == 0:
        os._exit(0)
    return result if result > 0 else ""


@probe
def clones_in_the_new_way(host):
    return call(435, None, 0)


@probe
def loads_programs_into_the_kernel(host):
    return call(321 if X86 else 280, 0, None, 0)


@probe
def opens_counters(host):
    return call(298 if X86 else 241, None, 0, -1, -1, 0)


@probe
def handles_page_faults(host):
    return call(323 if X86 else 282, 1)


@probe
def makes_a_ring(host):
    return call(425, 4, None)


@probe
def uses_keys_of_the_kernel(host):
    return call(250 if X86 else 219, 0, -3, 0)


@probe
def changes_its_root(host):
    return "" if LIBC.chroot(b"/") else "changed"


@probe
def names_the_host(host):
    socket.sethostname(socket.gethostname())
    return socket.gethostname()


# Sockets.


@probe
def talks_to_an_abstract_socket_of_the_host(host):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("\0" + host["abstract"])
        return connection.recv(20)


@probe
def talks_to_a_socket_file_of_the_host(host):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(host["socket"])
        return connection.recv(20)


@probe
def talks_to_the_kernel_about_networks(host):
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


@probe
def reads_packets(host):
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)


@probe
def makes_packets(host):
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)


@probe
def talks_to_the_machine_below(host):
    return socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)


@probe
def uses_the_kernels_ciphers(host):
    return socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0)


@probe
def talks_to_a_port_of_the_host(host):
    with socket.create_connection(("127.0.0.1", int(host["port"])), 2) as connection:
        return connection.recv(20)
