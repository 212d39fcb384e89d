"""Libraries of the whole corpus: typed, formatted, the same every time, and free of secrets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seer_rpc.generators import library_files
from tests.corpus import describe, interface_files, schemas

each_file = pytest.mark.parametrize("name", [each.name for each in interface_files()])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the libraries."""
    folder = tmp_path_factory.mktemp("corpus")
    for name, schema in schemas().items():
        (folder / name).mkdir()
        for file, source in library_files(schema).items():
            (folder / name / file).write_text(source, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def complaints(folder: Path) -> list[str]:
    """Give what mypy says of all libraries together."""
    (folder / "mypy.ini").write_text(
        "[mypy]\nstrict = true\n"
        # Reading torch's own source would take minutes.
        "[mypy-torch.*]\nfollow_imports = skip\nignore_missing_imports = true\n"
    )
    finished = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", *schemas()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode in (0, 1), finished.stdout + finished.stderr
    return finished.stdout.splitlines()


def test_there_is_one_for_each_of_more_than_40_interfaces() -> None:
    assert list(schemas()) == [each.name for each in interface_files()]
    assert len(schemas()) > 40


@each_file
def test_it_passes_a_strict_type_check(name: str, complaints: list[str]) -> None:
    assert [line for line in complaints if line.startswith(f"{name}/")] == []


@each_file
def test_it_holds_no_place_and_no_address(name: str, folder: Path) -> None:
    for file in (folder / name).glob("*.py"):
        source = file.read_text()
        assert str(Path(__file__).parents[1]) not in source
        assert str(Path.home()) not in source
        assert not re.search(r"\w+://|\d+\.\d+\.\d+\.\d+", source)


def test_all_of_them_are_formatted(folder: Path) -> None:
    command = ["ruff", "format", "--check", "--isolated", "--line-length=100", str(folder)]

    finished = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 0, finished.stdout


def test_all_of_them_can_be_imported_beside_each_other(
    folder: Path, run_python: Callable[..., str]
) -> None:
    code = f"""
        import importlib
        import sys

        sys.path.insert(0, {str(folder)!r})
        for name in {list(schemas())}:
            library = importlib.import_module(name)
            aio = importlib.import_module(f"{{name}}.aio")
            assert library.__all__ == aio.__all__
            assert all(hasattr(library, each) and hasattr(aio, each) for each in aio.__all__)
        print("imported")
        """

    assert run_python(code, PYTHONPATH=_paths()) == "imported\n"


def test_schemas_and_libraries_are_the_same_under_another_hash_seed(
    folder: Path, tmp_path: Path, run_python: Callable[..., str]
) -> None:
    code = f"""
        from pathlib import Path
        from seer_rpc.generators import library_files
        from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema

        for file in Path({str(tmp_path)!r}).iterdir():
            schema = InterfaceSchema.FromString(file.read_bytes())
            for name, source in library_files(schema).items():
                made = Path({str(folder)!r}, file.name, name).read_text(encoding="utf-8")
                assert made == source, (file.name, name)
        print("the same")
        """
    describe(tmp_path, PYTHONHASHSEED="1234")

    for name, schema in schemas().items():
        assert (tmp_path / name).read_bytes() == schema.SerializeToString(deterministic=True), name
    assert run_python(code, PYTHONHASHSEED="4321", PYTHONPATH=_paths()) == "the same\n"


def _paths() -> str:
    return os.pathsep.join(path for path in sys.path if path)
