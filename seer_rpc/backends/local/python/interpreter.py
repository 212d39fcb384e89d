"""The interpreter that runs this process: where it is, and what it can import."""

from __future__ import annotations

import ast
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import util
from pathlib import Path

from seer_rpc.parsing import parse_module
from seer_runtime.wire import names

PACKAGES = ("site-packages", "dist-packages")
"""How folders are called that hold what is installed, and nothing else."""

_CLIENT = Path(__file__).parents[3]
_RUNTIME = Path(names.__file__).parents[1]
_INTERFACES = "seer_interfaces"
_OWN = (_CLIENT.name, _RUNTIME.name, _INTERFACES)


@dataclass(frozen=True)
class Interpreter:
    """A Python and the folders of its packages, the first ones winning."""

    executable: Path
    """The program itself, not a virtual environment's link to it."""

    folders: tuple[Path, ...]
    scripts: tuple[Path, ...]
    """Where the commands of its packages are."""

    def read_only(self) -> list[Path]:
        """Give what a process has to see of the file system to run it."""
        needed = [self.executable, *_standard_library(), *self._installed, *self.scripts]
        paths = dict.fromkeys([*needed, *self.loose(), *own_packages()])
        return [path for path in paths if path.exists()]

    def loose(self) -> list[Path]:
        """Give the packages and modules that it can import and that are not installed.

        They lie in folders of PYTHONPATH and of editable installs, beside what else the user has
        there and no sandbox is to see.
        """
        folders = [folder for folder in self.folders if folder not in self._installed]
        for folder in self._installed:
            folders += linked_sources(folder)
        return [path for folder in folders for path in _importable(folder)]

    @property
    def _installed(self) -> list[Path]:
        return [folder for folder in self.folders if folder.name in PACKAGES]


@cache
def this_interpreter() -> Interpreter:
    """Describe the interpreter that runs this process."""
    # Under a virtual environment this is the Python that it was made with.
    executable = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(
        executable=Path(executable).resolve(),
        folders=tuple(dict.fromkeys(_folders())),
        scripts=tuple(dict.fromkeys(_script_folders())),
    )


def linked_sources(folder: Path) -> Iterator[Path]:
    """Give what the `.pth` files of a folder add to it: packages that are installed editable."""
    for file in sorted(folder.glob("*.pth")):
        for line in _lines(file):
            if match := re.match(r"import\s+(__editable___\w+)", line):
                yield from _finder_sources(folder / f"{match[1]}.py")
            elif not line.startswith(("import ", "import\t", "#")) and line.strip():
                path = folder / line.strip()
                if path.is_dir():
                    yield path


def _importable(path: Path) -> Iterator[Path]:
    """Give the packages and modules in a folder, or the one that it is."""
    if path.is_file() or _is_package(path):
        yield path
    elif path.is_dir() and not _is_own(path):
        yield from (each for each in path.iterdir() if each.suffix == ".py" or _is_package(each))


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


def _is_own(folder: Path) -> bool:
    """Tell a checkout of this library, of which its packages are enough."""
    places = (folder, folder.parent)
    is_checkout = any((place / "pyproject.toml").exists() for place in places)
    return is_checkout and any((folder / name).is_dir() for name in _OWN)


def _folders() -> Iterator[Path]:
    for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        if entry and Path(entry).is_dir():
            yield Path(entry).absolute()
    candidates = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        candidates = [site.getusersitepackages(), *candidates]
    yield from (Path(each) for each in candidates if Path(each).is_dir())


def _script_folders() -> Iterator[Path]:
    if site.ENABLE_USER_SITE and Path(site.getusersitepackages()).is_dir():
        yield Path(site.getuserbase(), "bin")
    yield Path(sysconfig.get_path("scripts"))


def _standard_library() -> Iterator[Path]:
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    for name in ("stdlib", "platstdlib"):
        yield Path(sysconfig.get_path(name, vars=base))
    library = sysconfig.get_config_var("LDLIBRARY")
    folder = sysconfig.get_config_var("LIBDIR")
    if library and folder and (shared := Path(folder, library)).suffix == ".so":
        yield from Path(folder).glob(f"{shared.name}*")


def own_packages() -> Iterator[Path]:
    """Give the packages of this library."""
    yield from (_CLIENT, _RUNTIME)
    spec = util.find_spec(_INTERFACES)
    for location in (spec.submodule_search_locations if spec else None) or ():
        yield Path(location)


def _finder_sources(finder: Path) -> Iterator[Path]:
    """Read the table of an editable install of setuptools, which imports by a finder."""
    try:
        tree = parse_module("\n".join(_lines(finder)))
    except SyntaxError:
        return
    for node in tree.body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Dict):
            for value in node.value.values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    path = Path(value.value)
                    yield path if path.exists() else path.with_suffix(".py")


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
