"""An interface schema to a prompt: what there is, how it is called, and what comes back."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence

from seer_rpc.errors import ConfigError
from seer_rpc.generators.budgets import estimate_tokens, fit, room_of
from seer_rpc.generators.details import LEVELS, doc_versions, function_versions, type_versions
from seer_rpc.generators.examples import example_arguments, example_function
from seer_rpc.generators.texts import JSON_NOTES
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema

DEFAULT_TOKENS = 4000

_SEPARATOR = "\n\n"

_STATE = """\
The Python functions below run in a sandbox that is open now; its module state stays from call to
call."""

_WHOLE = """\
# {name}

{notes}

From any shell:

    {command} call {function} --json {arguments}

`list` and `describe FUNCTION` in place of `call FUNCTION ...` tell more, `--help` everything. The
result is on standard output; the exit status says what went wrong, and standard error why."""

_LIBRARY = """\
In Python, where the library is importable:

    import {library}
    {library}.{function}(...)"""

_SHORT = """\
# {name}

Functions in a sandbox: {command} call FUNCTION --json ARGUMENTS
All of them: {command} list"""


def interface_prompt(
    schema: InterfaceSchema,
    command: Sequence[str],
    *,
    library: str = "",
    tokens: int = DEFAULT_TOKENS,
) -> str:
    """Tell a model of an interface in no more than `tokens` tokens.

    `command` calls the functions, `library` is the import name of the generated library. Where
    there is not enough room, long docs are shortened first; then go the parameters' docs, all
    docs, the types; at last there is only how to list the functions. A token is taken to be three
    bytes, which is more than any usual text needs.

    Raises:
        ConfigError: not even that fits.
    """
    texts = [
        _heads(schema, shlex.join(command), library),
        doc_versions(schema.doc),
        ["Functions:"],
        *map(function_versions, schema.functions),
        type_versions(schema.types),
    ]
    room = room_of(tokens)
    chosen = fit([_separated(versions) for versions in texts], room)
    if chosen is not None:
        return "".join(chosen).rstrip() + "\n"
    short = texts[0][-1]
    names = ", ".join(function.name for function in schema.functions)
    for text in (f"{short}\n\nFunctions: {names}\n", f"{short}\n"):
        if estimate_tokens(text) <= tokens:
            return text
    raise ConfigError(
        f"{tokens} tokens are too few for a prompt",
        hint=f"give it {estimate_tokens(text)} or more",
    )


def _heads(schema: InterfaceSchema, command: str, library: str) -> list[str]:
    function = example_function(schema)
    whole = _WHOLE.format(
        name=schema.name,
        notes=textwrap.fill(f"{_STATE} {JSON_NOTES}", 100),
        command=command,
        function=function.name,
        arguments=shlex.quote(example_arguments(function)),
    )
    if library:
        whole += _SEPARATOR + _LIBRARY.format(library=library, function=function.name)
    short = _SHORT.format(name=schema.name, command=command)
    return [whole] * LEVELS + [short]


def _separated(versions: Sequence[str]) -> list[str]:
    return [f"{version}{_SEPARATOR}" if version else "" for version in versions]
