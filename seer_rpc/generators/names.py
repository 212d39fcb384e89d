"""Names in generated libraries: what can be one, and which the library needs itself."""

from __future__ import annotations

import keyword
import unicodedata

from seer_runtime.wire.pb.interface_pb2 import Function

AIO = "aio"
"""The module with the coroutines."""

WITH_OPTIONS = "with_options"
"""The function that sets the options of calls."""


def method_name(function: Function) -> str:
    """Give a function's name inside its group, or in the package where it has none."""
    return function.name.removeprefix(f"{function.group}.") if function.group else function.name


def is_name(name: str) -> bool:
    """Tell whether something in Python source can be called so."""
    # Python reads other spellings of a name as the name itself.
    is_plain = unicodedata.normalize("NFKC", name) == name
    return name.isidentifier() and not keyword.iskeyword(name) and is_plain and name != "__debug__"
