"""`seer run`: a script that was written for `src.environment` and its like, unchanged."""

from __future__ import annotations

import argparse
import builtins
import sys
import traceback
from pathlib import Path
from types import ModuleType

from seer_rpc.cli.aliases import alias_src
from seer_rpc.cli.options import Commands
from seer_rpc.errors import ConfigError
from seer_rpc.files import looked_from

_EPILOG = """\
For that process src.environment, src.workspace and src.execution are those of seer_rpc. All else
is as with python: the script's own folder comes first where modules are looked for, and arguments,
input, output and exit status are its own. A package src of yours stays what it is, as long as it
has no module of these names. Processes that the script spawns know seer_rpc by its own name alone.

examples:
  seer run setup.py
  seer run experiments/setup.py --seed 1 > session.json
"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run",
        help="run a script that imports src.environment, src.workspace and src.execution",
        description="Run a script that was written for the package names src.*.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("script", metavar="SCRIPT")
    parser.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> None:
    """Run it; exits as it does.

    Raises:
        ConfigError: there is no such script, or a package src is in the way.
    """
    source = _read(Path(parsed.script))
    # As python has it: the script may change its working directory.
    file = Path(parsed.script).absolute()
    main = ModuleType("__main__")
    main.__dict__.update(__file__=str(file), __builtins__=builtins, __cached__=None)
    _take_place(file)
    alias_src()
    sys.argv[:] = [parsed.script, *parsed.arguments]
    sys.modules["__main__"] = main
    sys.exit(_status(source, str(file), main))


def _status(source: bytes, name: str, main: ModuleType) -> int:
    """Run the script; gives its exit status where it did not exit by itself."""
    try:
        exec(compile(source, name, "exec", dont_inherit=True), main.__dict__)
    except Exception as error:  # noqa: BLE001 - it is the user's script
        _tell(error)
        return 1
    except KeyboardInterrupt as error:
        _tell(error)
        return 130
    return 0


def _tell(error: BaseException) -> None:
    """Show an error as Python does, from the script's own first line on."""
    frames = error.__traceback__.tb_next if error.__traceback__ else None
    error.__traceback__ = frames
    sys.stdout.flush()
    if sys.excepthook is sys.__excepthook__:
        traceback.print_exception(error)
    else:
        sys.excepthook(type(error), error, frames)


def _take_place(file: Path) -> None:
    """Have imports look in the script's folder, in place of the one of this command."""
    if not sys.flags.safe_path:
        sys.path[:1] = []
    sys.path.insert(0, str(file.resolve().parent))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read the script {file}: {error.strerror}",
            hint=looked_from(file),
        ) from None
