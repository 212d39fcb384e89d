"""An interface schema to an Agent Skill: SKILL.md, references, and the script that calls."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from google.protobuf.json_format import MessageToJson

from seer_rpc.generators.budgets import fit, room_of, size_of
from seer_rpc.generators.details import doc_versions, first_line, short_signature
from seer_rpc.generators.examples import example_arguments, example_function
from seer_rpc.generators.texts import JSON_NOTES
from seer_rpc.presentation import MOST_CHARACTERS, Exit
from seer_rpc.presentation.hints import function_hints
from seer_runtime.wire.outline import signature, type_line
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema

SCRIPT = "scripts/call.py"
SCHEMA = "references/schema.json"

_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1024
_TOKENS = 4800
_MOST_LISTED = 300
"""Functions that have a line of their own; all of SKILL.md has at most 500."""

_MOST_DOC_LINES = 100

_BODY = """\
## How to call

    {command} list
    {command} describe {function}
    {command} call {function} --json {arguments}

`SKILL_DIR` is the folder of this file, as an absolute path. Any shell and any working directory
will do; nothing else needs to be installed. The third line is a whole example: it prints the result
as JSON on standard output; messages go to standard error. `--help` explains every option.

- Arguments: `--json '{{...}}'`, `@FILE` or `-` for standard input; `NAME=VALUE` for simple ones.
- `--timeout SECONDS` ends a call that takes longer.
- `--output FILE` writes the result there: JSON, or the array or image itself.
- `--async` returns at once and prints a job; `{command} job ID` gives its result or how far it is,
  `job ID --cancel` ends it. Use it for calls that may take more than a minute. Of a stream `job`
  tells how many items there are so far, and gives all of them at its end.
- `--session NAME` keeps what `Ref` results stand for from one call to the next.

## What to know

- {notes}
- State: the interface was loaded once. What its functions remember stays from call to call, and is
  shared by everyone who calls it. Calls run one after the other unless a function says otherwise.
- Memory: models and tensors stay on the device between calls. Exit status {raised} with an
  out-of-memory error leaves the interface running: ask for less. After exit status {cut_off} its
  state may be that of a fresh start.
- Time: a call may take as long as it likes, a shell tool may not. Give `--timeout`, or `--async`.
- Size: more than {most} characters of result are clipped at both ends, and the whole is in a file
  that the output names. Arrays and images are always in files. They stay for a week.

## Exit status

{statuses}

## References

{references}
"""

_SCRIPT = '''\
"""Call the functions of {name}: `{command} --help`."""

import sys
from pathlib import Path

try:
    from seer_rpc.shell import main
except ModuleNotFoundError as error:
    sys.exit(f"{{error}}; run this file with " + {interpreter})

main(Path(__file__).resolve().parents[1])
'''


def skill_name(interface: str) -> str:
    """Give the name of an interface's skill: words of lower-case letters and digits, hyphenated."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", interface).lower())
    name = "-".join(words)[:_LONGEST_NAME].strip("-")
    # Nothing may be left of a name in another script.
    return name or f"interface-{hashlib.sha256(interface.encode()).hexdigest()[:8]}"


def skill_description(schema: InterfaceSchema) -> str:
    """Say what the skill does and when to use it."""
    what = _plain(first_line(schema.doc)) or f"Functions of {schema.name}."
    names = ", ".join(function.name for function in schema.functions)
    when = (
        f"Calls Python functions that run in a sandbox, such as on a model that is loaded there. "
        f"Use it when a task needs the interface {schema.name} or one of its functions: {names}"
    )
    return textwrap.shorten(_plain(f"{what} {when}"), _LONGEST_DESCRIPTION, placeholder=" ...")


def skill_files(schema: InterfaceSchema, interpreter: str) -> dict[str, str]:
    """Give the skill's files by their names inside its folder.

    They hold neither address nor secret. `interpreter` is the Python that has this library.
    """
    references = dict(_references(schema))
    return {
        "SKILL.md": _skill(schema, interpreter, references),
        SCRIPT: _SCRIPT.format(
            name=schema.name,
            command=f"python {SCRIPT}",
            interpreter=json.dumps(interpreter),
        ),
        **{file: text for file, (_, text) in references.items()},
        SCHEMA: MessageToJson(schema, preserving_proto_field_name=True) + "\n",
    }


def _skill(
    schema: InterfaceSchema, interpreter: str, references: Mapping[str, tuple[str, str]]
) -> str:
    function = example_function(schema)
    command = f"{shlex.quote(interpreter)} SKILL_DIR/{SCRIPT}"
    told = {**{file: when for file, (when, _) in references.items()}, SCHEMA: "for programs"}
    body = _BODY.format(
        command=command,
        function=function.name,
        arguments=shlex.quote(example_arguments(function)),
        notes=textwrap.fill(JSON_NOTES, 98, subsequent_indent="  "),
        raised=int(Exit.RAISED),
        cut_off=int(Exit.CUT_OFF),
        most=MOST_CHARACTERS,
        statuses="\n".join(f"- {int(each)}: {each.meaning}" for each in Exit),
        references="\n".join(f"- [{file}]({file}): {when}" for file, when in told.items()),
    )
    head = _front_matter(schema) + f"\n# {schema.name}\n\n"
    room = room_of(_TOKENS) - size_of(head + body)
    return head + _index(schema, room) + body


def _front_matter(schema: InterfaceSchema) -> str:
    # JSON's texts are YAML's, too, as long as every character can be printed.
    lines = [
        "---",
        f"name: {skill_name(schema.name)}",
        f"description: {json.dumps(skill_description(schema), ensure_ascii=False)}",
        "metadata:",
        f"  interface: {json.dumps(schema.name)}",
        f"  schema: {json.dumps(schema.hash)}",
        "---\n",
    ]
    return "\n".join(lines)


def _index(schema: InterfaceSchema, room: int) -> str:
    """Give the docs and the list of functions, in as much detail as there is room for."""
    functions = schema.functions
    known = [doc for doc in doc_versions(schema.doc)[::2] if doc.count("\n") < _MOST_DOC_LINES]
    docs = [f"{doc}\n\n" if doc else "" for doc in known]
    title = "## Functions\n\n"
    if len(functions) <= _MOST_LISTED:
        lines = [[*_line_versions(each)] for each in functions]
        chosen = fit([docs, [title], *lines, ["\n"]], room)
        if chosen is not None:
            return "".join(chosen)
    names = ", ".join(function.name for function in functions)
    count = f"{len(functions)} functions; `list` shows them all.\n\n"
    chosen = fit([docs, [title], [f"{names}\n\n", count]], room)
    return "".join(chosen or [title, count])


def _line_versions(function: Function) -> Sequence[str]:
    line = f"- {_code(short_signature(function))}"
    doc = first_line(function.doc)
    return f"{line}: {doc}\n" if doc else f"{line}\n", f"{line}\n", f"- {_code(function.name)}\n"


def _references(schema: InterfaceSchema) -> Iterable[tuple[str, tuple[str, str]]]:
    """Give the name of each file, when to read it, and what it says."""
    groups: dict[str, list[Function]] = {}
    for function in schema.functions:
        groups.setdefault(function.group, []).append(function)
    for group, functions in groups.items():
        of = f"methods of {group}" if group else "functions"
        file = f"references/class-{group}.md" if group else "references/functions.md"
        when = f"the {of} in full; read it before you call one for the first time"
        sections = "\n\n".join(map(_section, functions))
        yield file, (when, f"# The {of} of {schema.name}\n\n{sections}\n")
    if schema.types:
        lines = "\n".join(f"- {_code(type_line(each))}" for each in schema.types)
        when = "the types that signatures name; read it for an argument or a result of such a type"
        yield "references/types.md", (when, f"# The types of {schema.name}\n\n{lines}\n")


def _section(function: Function) -> str:
    hints = "; ".join(function_hints(function))
    parts = [f"## {function.name}", _fenced(signature(function), "python")]
    if hints:
        parts.append(f"({hints})")
    if function.doc:
        parts.append(_fenced(function.doc, "text"))
    parts.append("Arguments as JSON, for example: " + _code(example_arguments(function)))
    return "\n\n".join(parts)


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, 1 + _longest_run(text))
    return f"{fence}{language}\n{text}\n{fence}"


def _code(text: str) -> str:
    run = _longest_run(text)
    return f"{'`' * (run + 1)} {text} {'`' * (run + 1)}" if run else f"`{text}`"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _plain(text: str) -> str:
    """Give a text in one line, without what YAML and readers of descriptions cannot take."""
    kept = "".join(each if each.isprintable() and each not in "<>" else " " for each in text)
    # Some readers take any three hyphens for the end of the front matter.
    return re.sub("-{3,}", "-", " ".join(kept.split()))
