"""An emulation of Modal on this machine, for tests: the real `modal` client talks to it over gRPC.

What it stands for
    The calls that `modal` 1.6 makes for apps, images, secrets, volumes, mounts and sandboxes, the
    two kinds of sandboxes (V1: with a GPU; V2: without), the command router with its tokens, and
    the relay of the tunnels. A sandbox is real processes in namespaces of their own (bubblewrap):
    its root, its ports and its processes are not this machine's, and end with the emulator,
    whatever ends that. Ports are reachable through tunnels alone, and only where a process listens
    on more than 127.0.0.1.

What it does not do
    Images are not built: layers are recorded, files copied in, ENV, WORKDIR, ENTRYPOINT and CMD
    obeyed; the interpreter and the packages are those of the tests, and the system's folders are
    this machine's and read-only. There is no GPU; cpu, memory, region, outbound policies and
    experimental options are recorded only. A sandbox reaches nothing outside but ports of this
    machine that a test names. Terminals, directory and memory snapshots, connect tokens and
    sidecars answer UNIMPLEMENTED, as all does that is not known; a test in which this happens fails
    at its end.

What nobody has compared with the real service
    The statuses and words of errors. That a tunnel carries bytes without limits of its own or an
    idle cut-off, and does not reach 127.0.0.1; that an allow-list closes connections at once. When
    a sandbox counts as idle (here: no exec, no bytes to standard input, no connection through a
    tunnel). How often volumes are committed in the background, and which open files prevent a
    reload. Times to schedule and to start. Variables that Modal sets in sandboxes. The exit status
    of a command that is not there, and what `wait` gives when a machine is lost.
"""
