"""An interface schema to what an MCP server says of it: its tools, and how it is started."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from seer_rpc.errors import ConfigError
from seer_runtime.wire.outline import signature
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema

JsonSchema: TypeAlias = dict[str, Any]

FOLDER_VARIABLE = "SEER_MCP_FOLDER"
"""Names the folder of a server: its schema is there, and what its results are too large for."""

SCHEMA_FILE = "schema"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""What every client takes as a tool's name."""

WRAPPED = "x-fastmcp-wrap-result"
"""Marks a schema whose `result` is what the function gave."""

NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""What stands for numbers that JSON has no word for."""

_NOTE: JsonSchema = {
    "type": "string",
    "description": "instead of the result, where that takes long or is too long",
}
_ANYTHING = "any value"


@dataclass(frozen=True)
class McpTool:
    """A function as a tool."""

    name: str
    function: str
    """What the interface calls it."""

    title: str
    description: str
    input_schema: JsonSchema
    output_schema: JsonSchema
    is_read_only: bool
    is_idempotent: bool
    is_destructive: bool
    timeout: float | None
    """Seconds that a call may take."""

    returns_nothing: bool = False

    @property
    def is_wrapped(self) -> bool:
        """Whether a result stands under the key "result": what is no object has to."""
        return WRAPPED in self.output_schema


def mcp_tools(schema: InterfaceSchema) -> list[McpTool]:
    """Give a tool for each function, in their order.

    Raises:
        ConfigError: the name of one is too long, or two have the same.
    """
    tools = [_tool(function) for function in schema.functions]
    names: dict[str, str] = {}
    for tool in tools:
        if not _NAME.fullmatch(tool.name):
            raise ConfigError(
                f"{tool.function!r} is too long for the name of a tool",
                hint="rename the function: clients take 128 characters",
            )
        if tool.name in names:
            raise ConfigError(
                f"{names[tool.name]} and {tool.function} would both be the tool {tool.name!r}",
                hint="rename one of them",
            )
        names[tool.name] = tool.function
    return tools


def mcp_instructions(schema: InterfaceSchema) -> str:
    """Give what a model is told about the server as a whole."""
    return schema.doc or f"The functions of {schema.name}, which run in a sandbox."


def mcp_config(
    name: str, command: Sequence[str], env: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Give what a client's configuration says of a server that it is to start."""
    program, *args = command
    return {name: {"type": "stdio", "command": program, "args": args, "env": dict(env)}}


def allowing_words(schema: JsonSchema) -> JsonSchema:
    """Give a schema that takes the words for what is not finite where it takes numbers."""
    allowing: JsonSchema = _changed(schema, _allowing_words)
    return allowing


def _tool(function: Function) -> McpTool:
    return McpTool(
        name=_tool_name(function.name),
        function=function.name,
        title=re.sub(r"[._]+", " ", function.name).strip().capitalize(),
        description=_description(function),
        input_schema=_input_schema(function),
        output_schema=_output_schema(function),
        is_read_only=function.is_read_only,
        is_idempotent=function.is_idempotent or function.is_read_only,
        is_destructive=function.is_destructive,
        timeout=function.timeout or None,
        returns_nothing=function.result.name == "none" and not function.is_stream,
    )


def _tool_name(name: str) -> str:
    """Give a name of ASCII letters, digits and underscores: other clients take no other."""
    parts = unicodedata.normalize("NFKD", name.replace(".", "_"))
    plain = [part for part in parts if not unicodedata.combining(part)]
    return "".join(part if part.isascii() else f"u{ord(part):04x}" for part in plain)


def _description(function: Function) -> str:
    parts = [function.doc or f"Call `{signature(function)}`."]
    if function.is_stream:
        parts.append("It works step by step; the result is the list of what it gave.")
    return "\n\n".join(parts)


def _input_schema(function: Function) -> JsonSchema:
    # Clients refuse all tools of a server where one has no such type.
    return {"type": "object", "properties": {}, **_read(function.input_schema)}


def _output_schema(function: Function) -> JsonSchema:
    """Say what comes back: the result itself where it is an object, else an object with it.

    Instead of a result there may be a note.
    """
    schema = allowing_words(_read(function.output_schema))
    definitions = schema.pop("$defs", {})
    if function.is_stream:
        schema = {"type": "array", "items": schema or {"description": _ANYTHING}}
    if function.result_doc:
        schema.setdefault("description", function.result_doc)
    if _is_object(schema, definitions):
        note: JsonSchema = {"type": "object", "properties": {"note": _NOTE}, "required": ["note"]}
        output: JsonSchema = {"type": "object", "anyOf": [schema, note]}
    else:
        properties = {"result": schema or {"description": _ANYTHING}, "note": _NOTE}
        output = {"type": "object", "properties": properties, WRAPPED: True}
    return output | ({"$defs": definitions} if definitions else {})


def _is_object(schema: JsonSchema, definitions: JsonSchema) -> bool:
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    return bool(definitions.get(name, schema).get("type") == "object")


_BY_NAME = frozenset({"properties", "$defs", "patternProperties", "dependentSchemas"})
_SAID = ("description", "default")
_DATA = frozenset({"default", "const", "enum", "examples", "required"})


def _changed(schema: Any, change: Callable[[JsonSchema], JsonSchema]) -> Any:
    """Give a schema after `change` of every schema in it, the innermost first."""
    if isinstance(schema, list):
        return [_changed(each, change) for each in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {}
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, dict):
            parts[key] = {name: _changed(each, change) for name, each in value.items()}
        else:
            parts[key] = value if key in _DATA else _changed(value, change)
    return change(parts)


def _read(text: str) -> JsonSchema:
    """Read a schema, and leave out what says no more than names do."""
    whole = json.dumps(json.loads(text), ensure_ascii=False)
    readable = whole.encode("utf-8", "replace").decode()
    schema: JsonSchema = _changed(json.loads(readable), _without_title)
    return schema


def _without_title(schema: JsonSchema) -> JsonSchema:
    return {key: value for key, value in schema.items() if key != "title"}


def _allowing_words(schema: JsonSchema) -> JsonSchema:
    if schema.get("type") != "number":
        return schema
    said = {key: schema[key] for key in _SAID if key in schema}
    plain = {key: value for key, value in schema.items() if key not in _SAID}
    return {"anyOf": [plain, {"enum": list(NOT_FINITE)}], **said}
