"""Compile the protos into `seer_runtime.wire.pb`; with --check, only compare with what is there."""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

PROTOS = Path(__file__).parent
PACKAGE = Path("seer_runtime/wire/pb")
COMPILED = PROTOS.parent / "runtime" / PACKAGE


def compile_into(folder: Path) -> None:
    """Write the modules of every proto file below `folder`."""
    # protoc looks for its plugins on the path; pip put them beside the interpreter.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    arguments = [
        "protoc",
        f"-I{PACKAGE}={PROTOS}",
        f"-I{Path(grpc_tools.__file__).parent / '_proto'}",
        *(f"--{plugin}_out={folder}" for plugin in ("python", "grpc_python", "mypy", "mypy_grpc")),
        *(str(PACKAGE / proto.name) for proto in sorted(PROTOS.glob("*.proto"))),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed")


def differences(compiled: Path) -> list[str]:
    """Name the files that differ between `compiled` and the committed modules."""
    names = {file.name for folder in (compiled, COMPILED) for file in folder.glob("*_pb2*")}
    _, differing, missing = filecmp.cmpfiles(compiled, COMPILED, sorted(names), shallow=False)
    return sorted(differing + missing)


def main() -> None:
    """Compile, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as scratch:
        compile_into(Path(scratch))
        fresh = Path(scratch) / PACKAGE
        if check:
            stale = differences(fresh)
            if stale:
                sys.exit(f"out of step with protos/ (run `make protos`): {', '.join(stale)}")
        else:
            COMPILED.mkdir(parents=True, exist_ok=True)
            (COMPILED / "__init__.py").touch()
            shutil.copytree(fresh, COMPILED, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
