"""An interface schema to what an MCP server says of it: its tools."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from seer_rpc.errors import ConfigError
from seer_rpc.generators.schema_changes import JsonSchema
from seer_rpc.generators.tool_schemas import WRAPPED, input_schema, output_schema
from seer_rpc.generators.tool_texts import description
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What every client takes as a tool's name."""


@dataclass(frozen=True)
class McpTool:
    """A function as a tool: what runs for it, and what is said of it."""

    name: str
    function: str = ""
    """What the interface calls it."""

    output_schema: JsonSchema = field(default_factory=dict)
    input_schema: JsonSchema = field(default_factory=dict)
    title: str = ""
    description: str = ""
    is_read_only: bool = False
    is_idempotent: bool = False
    is_destructive: bool = False
    returns_nothing: bool = False
    timeout: float | None = None
    """Seconds that a call may take."""

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
                hint="rename the function: clients take 64 characters",
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


def _tool(function: Function) -> McpTool:
    told, rest = description(function)
    # Arguments may be told of at any length.
    more = {"description": rest} if rest else {}
    return McpTool(
        name=_tool_name(function.name),
        function=function.name,
        title=re.sub(r"[._]+", " ", function.name).strip().capitalize(),
        description=told,
        input_schema=input_schema(function) | more,
        output_schema=output_schema(function),
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
