"""All interfaces of the corpus in one server over stdio, for who reads their schemas alone.

python -m tests.judges.corpus_server FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fastmcp import FastMCP

from seer_rpc.mcp.server import make_server, serve_stdio
from tests.corpus import schemas


def main(folder: Path) -> None:
    """Serve the tools of each interface, under its name."""
    server = FastMCP("corpus")
    for name, schema in schemas().items():
        server.mount(make_server(schema, folder / "none.json", folder, wait=45), namespace=name)
    asyncio.run(serve_stdio(server))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
