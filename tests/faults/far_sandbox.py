"""A sandbox at the far end of a wire, until its standard input ends. Run as a module."""

from __future__ import annotations

import sys
from pathlib import Path

from seer_rpc.environment import SandboxConfig, ScopedSandbox
from tests.faults.wire import FAR_ADDRESS

INTERFACE = Path(__file__).with_name("far_interface.py")


def main(connection: Path) -> None:
    """Serve, and write down how to connect."""
    with ScopedSandbox(SandboxConfig(listen=f"{FAR_ADDRESS}:0")) as sandbox:
        library = sandbox.serve(INTERFACE, name="far")
        connection.touch(0o600)
        connection.write_text(library.for_network().connection.to_json())
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
