"""Names under which libraries can be imported."""

from __future__ import annotations

import functools
import keyword
import sys
import unicodedata
import warnings
from pathlib import Path

from seer_rpc.errors import ConfigError

_OURS = frozenset({"seer_rpc", "seer_runtime"})
_INSTALLED = ("site-packages", "dist-packages")


def check_import_name(name: str) -> None:
    """Refuse a name that cannot be imported, or that would hide what everything stands on.

    Raises:
        ConfigError: it is such a name.
    """
    # Python looks for other spellings of a name under the plain one.
    is_plain = unicodedata.normalize("NFKC", name) == name
    if not name.isidentifier() or keyword.iskeyword(name) or not is_plain:
        raise ConfigError(
            f"{name!r} cannot be imported",
            hint="give name= a word of letters, digits and underscores",
        )
    if name in sys.stdlib_module_names or name in _OURS:
        whose = "this library itself" if name in _OURS else "Python's own module"
        raise ConfigError(
            f"a library called {name!r} would hide {whose}", hint="give another name="
        )


def warn_of_hiding(name: str) -> None:
    """Warn where a library would be found in place of an installed package of that name."""
    if name in _installed_names():
        warnings.warn(
            f"a library called {name!r} hides the installed package of that name; "
            "another name= keeps both",
            stacklevel=_CALLER,
        )


_CALLER = 4
"""The frames up to whoever makes a library from a file, a folder or code."""


@functools.cache
def _installed_names() -> frozenset[str]:
    folders = [Path(each) for each in sys.path if Path(each).name in _INSTALLED]
    found = [each for folder in folders if folder.is_dir() for each in folder.iterdir()]
    return frozenset(each.name if each.is_dir() else each.stem for each in found)
