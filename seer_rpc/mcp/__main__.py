"""Start a server as a client's configuration says: `python -m seer_rpc.mcp`."""

from __future__ import annotations

import argparse
import os
import sys

from seer_rpc.errors import SeerError
from seer_rpc.mcp.command import add_options, run


def main() -> None:
    """Serve the interface that the environment names; exits with 1 where that is not possible."""
    parser = argparse.ArgumentParser(
        prog="python -m seer_rpc.mcp", description="Serve an interface to an MCP client over stdio."
    )
    add_options(parser)
    parsed = parser.parse_args()
    try:
        run(parsed, dict(os.environ))
    except SeerError as error:
        sys.exit(f"seer: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
