"""A server that lets everybody in: the conformance suite has no token.

python -m tests.judges.open_server FOLDER CONNECTION_FILE
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from seer_rpc.mcp.interface.server import make_server
from seer_rpc.mcp.serving import serve_http
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema


def main(folder: Path, connection_file: Path) -> None:
    """Serve what the folder describes."""
    schema = InterfaceSchema.FromString((folder / "schema").read_bytes())
    server = make_server(schema, connection_file, folder, wait=45)
    asyncio.run(serve_http(server, "127.0.0.1", 0, []))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
