"""Describe interface files as a worker does: `python -m tests.corpus FOLDER FILE...`.

The schema of each goes into the folder, under the file's name without its ending.
"""

from __future__ import annotations

import sys
from pathlib import Path

from seer_runtime.methods import Function
from seer_runtime.references import Ref, TensorRef
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.pb.runtime_pb2 import LoadRequest
from seer_runtime.worker.interface import Interface
from seer_runtime.worker.reporter import ProgressReporter
from seer_runtime.worker.sessions import Sessions


def main(folder: Path, files: list[Path]) -> None:
    """Load one file after the other."""
    pool = BlockPool()
    tools: dict[str, Function] = {
        "progress": ProgressReporter().progress,
        "Ref": Ref,
        "TensorRef": TensorRef,
    }
    for file in files:
        modules = set(sys.modules)
        request = LoadRequest(interface=file.stem, path=str(file))
        schema = Interface(request, tools, Sessions(pool)).schema
        (folder / file.stem).write_bytes(schema.SerializeToString(deterministic=True))
        # The files are no siblings: none of them is to know the classes of another.
        for name in sys.modules.keys() - modules:
            if str(file.parent) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(file) for file in sys.argv[2:]])
