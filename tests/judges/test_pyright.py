"""Pyright about the libraries of the whole corpus: strict, and with every type known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from seer_rpc.generators import library_files
from tests.corpus import schemas

Pyright: TypeAlias = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with one package, of which the libraries are parts."""
    folder = tmp_path_factory.mktemp("pyright")
    (folder / "corpus").mkdir()
    for file in ("__init__.py", "py.typed"):
        (folder / "corpus" / file).touch()
    for name, schema in schemas().items():
        (folder / "corpus" / name).mkdir()
        for file, source in library_files(schema).items():
            (folder / "corpus" / name / file).write_text(source, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def pyright(judges: Path, folder: Path) -> Pyright:
    """Run pyright in the folder; gives what it reports."""
    paths = os.pathsep.join([str(folder), *filter(None, sys.path)])

    def run(*arguments: str) -> dict[str, Any]:
        finished = subprocess.run(
            [judges / "pyright", "--pythonpath", sys.executable, "--outputjson", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.stdout, finished.stderr
        report: dict[str, Any] = json.loads(finished.stdout)
        return report

    return run


def strictly(pyright: Pyright, folder: Path, include: str) -> tuple[int, list[str]]:
    """Give how many files were read strictly, and which lines are wrong."""
    (folder / "pyrightconfig.json").write_text(
        json.dumps({"typeCheckingMode": "strict", "include": [include]})
    )
    report = pyright()
    complaints = [
        f"{Path(each['file']).relative_to(folder)}:{each['range']['start']['line'] + 1}"
        for each in report["generalDiagnostics"]
    ]
    return report["summary"]["filesAnalyzed"], complaints


def test_it_says_nothing_of_them_when_it_is_strict(pyright: Pyright, folder: Path) -> None:
    assert strictly(pyright, folder, "corpus") == (3 * len(schemas()) + 1, [])


def test_it_knows_every_type_in_them(pyright: Pyright) -> None:
    # Not every type of numpy, torch and the standard library is known to it.
    report = pyright("--verifytypes", "corpus", "--ignoreexternal")["typeCompleteness"]

    assert report["exportedSymbolCounts"]["withKnownType"] > 5 * len(schemas())
    assert [each["name"] for each in report["symbols"] if not each["isTypeKnown"]] == []
    assert report["completenessScore"] == 1


def test_it_knows_every_type_that_they_have_from_us(pyright: Pyright) -> None:
    symbols = pyright("--verifytypes", "corpus")["typeCompleteness"]["symbols"]

    ours = [each for each in symbols if each["name"].startswith("seer_rpc.")]
    assert any(each["name"] == "seer_rpc.errors.RemoteError" for each in ours)
    assert [each["name"] for each in ours if not each["isTypeKnown"]] == []


def test_it_finds_the_wrong_ones_among_calls(pyright: Pyright, folder: Path) -> None:
    (folder / "uses.py").write_text(
        "from corpus import dataclasses_nested as tools, enums, generators, parameter_kinds\n"
        "from corpus.generators import aio\n"
        "right: float = tools.area(tools.Box(tools.Point(1.0), tools.Point(2.0)))\n"
        "tools.area('box')\n"
        "enums.paint('red')\n"
        "parameter_kinds.keyword(1)\n"
        "for number in generators.count(3):\n"
        "    number.upper()\n"
        "async def later() -> None:\n"
        "    async for word in aio.words('a b'):\n"
        "        word + 1\n"
        "with tools.with_options(timeout='5'):\n"
        "    tools.origin()\n"
    )

    _, wrong = strictly(pyright, folder, "uses.py")

    assert list(dict.fromkeys(wrong)) == [f"uses.py:{line}" for line in (4, 5, 6, 8, 11, 12)]
