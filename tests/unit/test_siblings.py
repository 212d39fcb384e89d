"""Siblings: the modules beside an interface file that it needs, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from seer_rpc.environment.siblings import sibling_files

Siblings = Callable[[Mapping[str, str]], list[str]]


@pytest.fixture
def siblings(tmp_path: Path) -> Siblings:
    """Give the siblings of `main.py` among the files of a folder."""

    def find(files: Mapping[str, str]) -> list[str]:
        for name, source in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source)
        found = sibling_files(tmp_path / "main.py")
        return sorted(str(each.relative_to(tmp_path)) for each in found)

    return find


@pytest.mark.parametrize(
    "source",
    [
        "import helper",
        "import helper as other",
        "import os, helper",
        "import helper.part",
        "from helper import something",
        "from helper import *",
        "def f():\n    import helper",
        "try:\n    import helper\nexcept ImportError:\n    pass",
        "if True:\n    from helper import a as b",
    ],
)
def test_every_way_to_import_is_seen(siblings: Siblings, source: str) -> None:
    assert siblings({"main.py": source, "helper.py": "", "unused.py": ""}) == ["helper.py"]


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "import missing",
        "'import helper'",
        "# import helper",
        "from . import helper",
        "x = helper = 1",
        "import main",
    ],
)
def test_what_is_not_imported_stays(siblings: Siblings, source: str) -> None:
    assert siblings({"main.py": source, "helper.py": ""}) == []


def test_siblings_of_siblings_come_too_even_in_a_circle(siblings: Siblings) -> None:
    found = siblings(
        {"main.py": "import a", "a.py": "import b", "b.py": "import c, a, main", "c.py": ""}
    )

    assert found == ["a.py", "b.py", "c.py"]


def test_a_package_comes_whole_without_its_caches(siblings: Siblings) -> None:
    found = siblings(
        {
            "main.py": "from package.deep import f",
            "package/__init__.py": "",
            "package/deep.py": "import helper",
            "package/data/table.csv": "1,2",
            "package/__pycache__/deep.cpython-311.pyc": "",
            "helper.py": "",
            "other/__init__.py": "",
        }
    )

    assert found == [
        *("helper.py", "package/__init__.py", "package/data/table.csv", "package/deep.py")
    ]


def test_a_folder_without_python_files_is_no_package(siblings: Siblings) -> None:
    assert siblings({"main.py": "import json, data", "data/table.csv": ""}) == []


def test_a_sibling_that_cannot_be_parsed_comes_all_the_same(siblings: Siblings) -> None:
    files = {"main.py": "import broken, zero", "broken.py": "def f(:", "zero.py": "\0"}

    assert siblings(files) == ["broken.py", "zero.py"]


def test_a_file_that_cannot_be_parsed_has_no_siblings(siblings: Siblings) -> None:
    assert siblings({"main.py": "import helper\n(", "helper.py": ""}) == []
