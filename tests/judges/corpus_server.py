"""All interfaces of the corpus in one server over stdio, for who reads their schemas alone.

python -m tests.judges.corpus_server FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fastmcp import FastMCP

from seer_rpc.mcp.interface.server import make_server
from seer_rpc.mcp.serving import serve_stdio
from tests.corpus import schemas


def main(folder: Path) -> None:
    """Serve the tools of each interface, under its number and name."""
    server = FastMCP("corpus")
    for number, schema in enumerate(schemas().values()):
        interface = make_server(schema, folder / "none.json", folder, wait=45)
        # The names of two interfaces may begin alike.
        server.mount(interface, namespace=f"{number}_{schema.name}")
    asyncio.run(serve_stdio(server))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
