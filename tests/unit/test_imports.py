"""Imports: what stays light loads nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seer_rpc.generators import library_files
from seer_runtime.wire.pb.interface_pb2 import Field, Function, InterfaceSchema, NamedType, Type

HEAVY = [
    *("grpc", "google.protobuf", "torch", "numpy", "pydantic", "griffe", "modal", "fastmcp"),
    "cryptography",
]


def loaded(statement: str, run_python: Callable[..., str]) -> set[str]:
    """Give the heavy modules that a statement loads in a fresh interpreter."""
    code = f"import sys\n{statement}\nprint(*[name for name in {HEAVY} if name in sys.modules])"
    return set(run_python(code).split())


@pytest.mark.parametrize("module", ["seer_rpc", "seer_rpc.client", "seer_rpc.errors"])
def test_the_client_side_loads_nothing_heavy(module: str, run_python: Callable[..., str]) -> None:
    assert loaded(f"import {module}", run_python) == set()


def test_sandboxes_load_what_makes_certificates_when_they_need_some(
    run_python: Callable[..., str],
) -> None:
    start = "import seer_rpc.environment, seer_rpc.backends.local"

    assert "cryptography" not in loaded(start, run_python)


def test_an_interface_file_outside_a_sandbox_loads_nothing_heavy(
    run_python: Callable[..., str],
) -> None:
    assert loaded("from seer_rpc.interface import expose", run_python) == set()


def test_a_generated_library_loads_nothing_heavy(
    run_python: Callable[..., str], tmp_path: Path
) -> None:
    tensor, array = Type(name="torch.Tensor"), Type(name="numpy.ndarray")
    schema = InterfaceSchema(
        name="tools",
        functions=[Function(name="embed", result=tensor)],
        types=[NamedType(name="Result", fields=[Field(name="rows", type=array)])],
    )
    (tmp_path / "tools").mkdir()
    for name, source in library_files(schema).items():
        (tmp_path / "tools" / name).write_text(source)

    assert loaded("import tools, tools.aio; tools.Result", run_python) == set()


def test_a_front_loads_nothing_that_only_workers_need(run_python: Callable[..., str]) -> None:
    assert loaded("import seer_runtime.front.main", run_python) == {"grpc", "google.protobuf"}
