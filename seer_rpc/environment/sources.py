"""Interface files described by their source: nothing of them runs, no model is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from google.protobuf.message import DecodeError

from seer_rpc.client.failures import to_error
from seer_rpc.errors import InterfaceError, InterfaceMissingError
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.pb.runtime_pb2 import LoadEvent


def describe_source(path: str | Path) -> InterfaceSchema:
    """Give what an interface file exposes, as far as its source tells.

    Types that it imports from what cannot be read are Any there: `Type.unresolved` has the hint,
    and `warnings` say so.

    Raises:
        InterfaceError: there is no such file, it is not Python, or it exposes nothing.
    """
    file = Path(path).absolute()
    if not file.is_file():
        raise InterfaceMissingError(f"no interface file {path}", hint="check the path")
    finished = subprocess.run(
        # In a process of its own: what is read makes modules, and classes in them.
        [sys.executable, "-P", "-m", "seer_runtime.static", str(file)],
        capture_output=True,
        check=False,
    )
    try:
        event = LoadEvent.FromString(finished.stdout)
    except DecodeError:
        event = LoadEvent()
    match event.WhichOneof("event"):
        case "schema":
            return event.schema
        case "failure":
            raise to_error(event.failure)
    raise InterfaceError(
        f"{file.name} cannot be described by its source",
        hint="describe it without --static",
        log=finished.stderr.decode(errors="replace").splitlines()[-20:],
        exit_code=finished.returncode,
    )
