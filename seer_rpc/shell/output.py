"""What a shell sees: JSON of a bounded size on standard output, messages on standard error."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from seer_rpc.client import ResultStream
from seer_rpc.errors import SeerError
from seer_rpc.locations import results_folder
from seer_rpc.presentation import MOST_CHARACTERS, Exit, clip, exit_of, keep, present, save_array
from seer_runtime.wire.arrays import is_instance

_LONGEST_MESSAGE = 8_000


class UsageError(Exception):
    """A command line that cannot be understood; nothing ran."""


class Printed(NamedTuple):
    """What a command prints, and its exit status."""

    out: str
    err: str = ""
    status: int = Exit.VALUE


def run_command(command: Callable[[], Printed], program: str) -> int:
    """Run a command, print what it gives or what went wrong, and give the exit status."""
    try:
        printed = command()
    except UsageError as error:
        printed = Printed("", f"{program}: {error}\n", Exit.USAGE)
    except SeerError as error:
        printed = failed(error, program)
    except (OSError, ValueError, RecursionError, MemoryError, ImportError) as error:
        # A file that cannot be written, or a result that is nested too deeply.
        printed = _trouble(error, program)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return _report(printed, program)


def _trouble(error: Exception, program: str) -> Printed:
    return Printed("", f"{program}: {type(error).__name__}: {error}\n", Exit.OTHER)


def _report(printed: Printed, program: str) -> int:
    """Print it, and give the exit status."""
    sys.stderr.write(printed.err)
    try:
        sys.stdout.buffer.write(_encoded(printed.out))
        sys.stdout.flush()
    except OSError as error:
        # Python is not to try once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            return _report(_trouble(error, program), program)
        # Whoever read it has seen enough.
    return printed.status


def failed(error: SeerError, program: str) -> Printed:
    """Give what an error prints."""
    text = "\n\n".join([str(error), *getattr(error, "__notes__", ())])
    message = clip(text, results_folder(), most=_LONGEST_MESSAGE) or text
    return Printed("", f"{program}: {message}\n", exit_of(error))


def result(value: Any, output: Path | None) -> Printed:
    """Give what a result prints: the whole of it, or where that is."""
    if output is None:
        return Printed(to_text(present(value, results_folder())))
    _write(value, output)
    return Printed(to_text({"file": str(output.absolute()), "bytes": output.stat().st_size}))


def gather(value: Any, items: list[Any]) -> Any:
    """Give a result; of a stream all of its items, put into `items` as they come."""
    if not isinstance(value, ResultStream):
        return value
    items.extend(value)
    return items


def keep_items(items: list[Any], error: SeerError) -> None:
    """Keep what a stream gave before an error, which says in a note where that is."""
    if items:
        with contextlib.suppress(OSError, ValueError, RecursionError):
            text = _dump(present(items, results_folder()))
            file = keep(_encoded(text), results_folder(), "items", ".json")
            error.add_note(f"Items before that: {len(items)}, in {file}")


def to_text(plain: Any) -> str:
    """Give plain values as JSON, in lines where there is room; what is too long is clipped."""
    text = _dump(plain, indent=2)
    if len(text) > MOST_CHARACTERS:
        text = _dump(plain)
    clipped = clip(text, results_folder(), ".json")
    if clipped is None:
        return text + "\n"
    told = {**clipped._asdict(), "file": str(clipped.file)}
    return _dump({"clipped": told}, indent=2) + "\n"


def check_output(output: Path | None) -> None:
    """See that a file can be written before a result is made for it.

    Raises:
        UsageError: it cannot.
    """
    if output is not None and (output.is_dir() or not os.access(output.absolute().parent, os.W_OK)):
        raise UsageError(f"--output {output}: no file can be written there")


def _write(value: Any, output: Path) -> None:
    is_array = is_instance(value, "torch", "Tensor") or is_instance(value, "numpy", "ndarray")
    if output.suffix == ".json" or (not isinstance(value, bytes | str) and not is_array):
        output.write_bytes(_encoded(_dump(present(value, results_folder()), indent=2)))
    elif isinstance(value, bytes):
        output.write_bytes(value)
    elif isinstance(value, str):
        output.write_bytes(_encoded(value))
    else:
        save_array(value, output)


def _encoded(text: str) -> bytes:
    # Half a surrogate is not to be encoded; escaped, it is JSON.
    return text.encode("utf-8", "backslashreplace")


def _dump(plain: Any, indent: int | None = None) -> str:
    return json.dumps(plain, indent=indent, ensure_ascii=False, allow_nan=False)
