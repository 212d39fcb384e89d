"""Packages for tests to install: wheels, and sources that build without anything."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_BACKEND = """
import sys
sys.path.insert(0, {tests!r})
from tests.integration import wheels

def build_wheel(folder, settings=None, metadata=None):
    {before}
    return wheels.make_wheel(folder, {name!r}, {version!r}).name

build_editable = build_wheel
"""


def make_wheel(
    folder: str | Path,
    name: str,
    version: str,
    *,
    requires: tuple[str, ...] = (),
    code: str = "",
    command: str = "",
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel with a module `name`, and a command that runs its `main`."""
    file = Path(folder, f"{name}-{version}-{tag}.whl")
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    contents = {
        f"{name}.py": code or f"VERSION = {version!r}\n",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {each}\n" for each in requires),
        f"{info}/WHEEL": _WHEEL.replace("py3-none-any", tag),
    }
    if command:
        contents[f"{info}/entry_points.txt"] = f"[console_scripts]\n{command} = {name}:main\n"
    contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in contents)
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
    return file


def make_source(folder: Path, name: str, version: str, before: str = "pass") -> Path:
    """Write a source archive that runs `before` whenever it is built."""
    tests = str(Path(__file__).parents[2])
    project = (
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\n'
    )
    contents = {
        "pyproject.toml": project,
        "backend.py": _BACKEND.format(tests=tests, before=before, name=name, version=version),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    }
    file = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for path, text in contents.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return file
