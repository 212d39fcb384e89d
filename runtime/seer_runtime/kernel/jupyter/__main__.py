"""Start the server: `python -m seer_runtime.kernel.jupyter SETTINGS`, a file with JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from seer_runtime.kernel.jupyter.server import Server, configure


def main() -> None:
    """Serve until the sandbox ends."""
    server = Server(config=configure(json.loads(Path(sys.argv[1]).read_text())))
    # What is on the command line is not Jupyter's.
    server.initialize(argv=[])
    server.start()


if __name__ == "__main__":
    main()
