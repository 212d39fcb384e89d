"""What the Pythons of sandboxes share: an overlay, and the interpreter that runs this process."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from seer_rpc.backends.local.python.interpreter import Interpreter


@dataclass(frozen=True)
class Layers:
    """Folders of packages and of commands, the first ones winning."""

    interpreter: Interpreter
    overlay: Path | None
    folders: tuple[Path, ...]
    scripts: tuple[Path, ...]

    def read_only(self) -> list[Path]:
        """Give what a process has to see of the file system, under these very paths, to use it."""
        own = [path for path in self.folders if path not in self.interpreter.folders]
        return list(dict.fromkeys([*self.interpreter.read_only(), *own, *self.scripts]))


def layers_of(interpreter: Interpreter, overlay: Path | None, copies: list[Path]) -> Layers:
    """Put an overlay over an interpreter; `copies` are its scripts, for any Python."""
    above = [overlay] if overlay is not None else []
    pip = [] if _has_pip(interpreter) else _bundled_pip()
    scripts = [each / "bin" for each in above if (each / "bin").is_dir()]
    return Layers(
        interpreter=interpreter,
        overlay=overlay,
        folders=(*above, *interpreter.folders, *pip),
        scripts=(*scripts, *copies, *interpreter.scripts),
    )


def _has_pip(interpreter: Interpreter) -> bool:
    return any((folder / "pip").is_dir() for folder in interpreter.folders)


def _bundled_pip() -> list[Path]:
    """Find the pip that Python brings along, a wheel that runs as it is."""
    spec = importlib.util.find_spec("ensurepip")
    folders = (spec.submodule_search_locations if spec else None) or []
    return [wheel for each in folders for wheel in Path(each, "_bundled").glob("pip-*.whl")]
