"""Schemas: what a function is, what its docstring says, and a hash that names the contract."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType

import pytest

from seer_runtime.schema import Signature, build_schema
from seer_runtime.wire.pb.interface_pb2 import Default, Function, InterfaceSchema, Parameter
from seer_runtime.wire.records import TypeNames

Build = Callable[[str], InterfaceSchema]


@pytest.fixture
def build(
    define: Callable[..., ModuleType],
    functions_of: Callable[[ModuleType], Mapping[str, FunctionType]],
) -> Build:
    """Build the schema of an interface that is given as source."""

    def build_one(source: str) -> InterfaceSchema:
        module = define(source)
        signatures = {name: Signature(each) for name, each in functions_of(module).items()}
        return build_schema("tools", module.__doc__ or "", signatures, TypeNames())

    return build_one


@pytest.fixture
def describe(build: Build) -> Callable[[str], Function]:
    """Describe the only function of an interface that is given as source."""

    def describe_one(source: str) -> Function:
        (function,) = build(source).functions
        return function

    return describe_one


Describe = Callable[[str], Function]


def test_an_interface_has_its_name_doc_and_functions_in_their_order(build: Build) -> None:
    schema = build(
        '''
        """What it is for.

            Indented.

        The end.
        """

        def second(): ...
        def first(): ...
        '''
    )

    assert (schema.name, schema.doc) == ("tools", "What it is for.\n\n    Indented.\n\nThe end.")
    assert [each.name for each in schema.functions] == ["second", "first"]


def test_each_kind_of_parameter_is_told_apart(describe: Describe) -> None:
    function = describe("def f(a, /, b, *args: int, c, **kwargs: str) -> bool: ...")

    assert [(each.name, each.kind, each.type.name) for each in function.parameters] == [
        ("a", Parameter.POSITIONAL_ONLY, "any"),
        ("b", Parameter.POSITIONAL_OR_KEYWORD, "any"),
        ("args", Parameter.VAR_POSITIONAL, "int"),
        ("c", Parameter.KEYWORD_ONLY, "any"),
        ("kwargs", Parameter.VAR_KEYWORD, "str"),
    ]
    assert function.result.name == "bool"


def test_a_default_is_told_apart_from_none(describe: Describe) -> None:
    function = describe("def f(a, b=None, *, c=1): ...")

    assert [each.HasField("default") for each in function.parameters] == [False, True, True]
    assert function.parameters[1].default == Default(text="None", is_literal=True)


@pytest.mark.parametrize(
    ("default", "text", "is_literal"),
    [
        ("512", "512", True),
        ("'a\\n\\'b\\''", "\"a\\n'b'\"", True),
        ("float('inf')", "float('inf')", True),
        ("Color.RED", "Color.RED", True),
        ("torch.float16", "...", False),
    ],
)
def test_a_default_keeps_its_source(
    describe: Describe, default: str, text: str, is_literal: bool
) -> None:
    function = describe(
        f"""
        import enum
        import torch

        class Color(enum.Enum):
            RED = 1

        def f(a={default}): ...
        """
    )

    assert function.parameters[0].default == Default(text=text, is_literal=is_literal)


def test_a_default_names_the_class_that_the_schema_names(
    define: Callable[..., ModuleType], build: Build
) -> None:
    define("import enum\nclass Color(enum.Enum):\n    BLUE = 2", "elsewhere")
    schema = build(
        """
        import enum
        import elsewhere

        class Color(enum.Enum):
            RED = 1

        def f(a: Color = Color.RED, b: elsewhere.Color = elsewhere.Color.BLUE): ...
        """
    )

    parameters = schema.functions[0].parameters

    assert [each.type.name for each in parameters] == ["Color", "Color_2"]
    assert [each.default.text for each in parameters] == ["Color.RED", "Color_2.BLUE"]


def test_async_functions_are_marked(build: Build) -> None:
    schema = build("async def f(): ...\ndef g(): ...")

    assert [each.is_async for each in schema.functions] == [True, False]


def test_hints_in_strings_are_resolved(describe: Describe) -> None:
    function = describe(
        """
        from __future__ import annotations

        def f(a: list[Later], b: "Later | None" = None) -> Later: ...

        from dataclasses import dataclass

        @dataclass
        class Later:
            x: int
        """
    )

    assert function.parameters[0].type.arguments[0].name == "Later"
    assert [each.name for each in function.parameters[1].type.arguments] == ["Later", "none"]
    assert function.result.named


def test_hints_that_cannot_be_resolved_are_any_with_a_warning(build: Build) -> None:
    schema = build("def f(a: 'Missing', b: int = 1) -> int: ...")

    (function,) = schema.functions
    assert [each.type.name for each in function.parameters] == ["any", "int"]
    assert function.parameters[0].type.unresolved == "Missing"
    assert function.result.name == "int"
    (warning,) = schema.warnings
    assert warning.startswith("f, a: ")
    assert "Missing" in warning


def test_each_hint_that_cannot_be_resolved_has_a_warning_of_its_own(build: Build) -> None:
    schema = build("def f(a: 'list[One]', b: 'Two | None', *c: 'int') -> 'Three': ...")

    assert [warning.split(": ")[0] for warning in schema.warnings] == ["f, a", "f, b", "f, result"]
    assert schema.functions[0].parameters[2].type.name == "int"


def test_a_warning_names_function_and_parameter(build: Build) -> None:
    schema = build("class Odd: ...\ndef f(a: Odd) -> list[Odd]: ...")

    assert [warning.split(":")[0] for warning in schema.warnings] == ["f, a", "f, result"]


def test_a_recursive_dataclass_is_described_once(build: Build) -> None:
    schema = build(
        """
        from __future__ import annotations
        from dataclasses import dataclass

        @dataclass
        class Node:
            children: list[Node]
            twin: Other | None

        @dataclass
        class Other:
            node: Node

        def f(node: Node) -> Other: ...
        """
    )

    assert [each.name for each in schema.types] == ["Node", "Other"]
    assert schema.types[0].fields[0].type.arguments[0].name == "Node"


# Docstrings ---------------------------------------------------------------------------------

GOOGLE = '''
    """Summarise a text.

    At length.

    Args:
        text: what to summarise,
            on two lines.
        length (int): how long.
        *more: more texts.
        **options: anything else.

    Returns:
        The summary.
    """
'''
NUMPY = '''
    """Summarise a text.

    Parameters
    ----------
    text : str
        what to summarise,
        on two lines.
    length : int, optional
        how long.
    *more
        more texts.
    **options
        anything else.

    Returns
    -------
    str
        The summary.
    """
'''
SPHINX = '''
    """Summarise a text.

    :param text: what to summarise,
        on two lines.
    :param length: how long.
    :type length: int
    :param more: more texts.
    :param options: anything else.
    :returns: The summary.
    """
'''


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, SPHINX], ids=["Google", "NumPy", "Sphinx"])
def test_each_docstring_style_documents_the_parameters(describe: Describe, doc: str) -> None:
    function = describe(f"def f(text: str, length=9, *more, **options) -> str:{doc}")

    docs = {each.name: " ".join(each.doc.split()) for each in function.parameters}

    assert docs == {
        "text": "what to summarise, on two lines.",
        "length": "how long.",
        "more": "more texts.",
        "options": "anything else.",
    }
    assert function.result_doc == "The summary."
    assert function.doc == inspect.cleandoc(doc.strip().strip('"'))


@pytest.mark.parametrize(
    "doc",
    [
        '""""""',
        '"""One line."""',
        '"""Args:"""',
        '"""Args:\n    nobody: knows.\n"""',
        '"""Parameters\n----------\n"""',
        '""":param"""',
        '"""Odd: indentation\n        here\n    : there\n"""',
        '"""{braces} \\\\ %s 日本 🧀"""',
    ],
)
def test_a_docstring_in_no_known_style_is_kept_as_it_is(describe: Describe, doc: str) -> None:
    function = describe(f"def f(text):\n    {doc}")

    expected: str = eval(doc)
    assert function.doc == inspect.cleandoc(expected)
    assert function.parameters[0].doc == ""


# The hash -----------------------------------------------------------------------------------

SOURCE = '''
import enum
from dataclasses import dataclass

class Color(enum.Enum):
    RED = 1

@dataclass
class Options:
    depth: int = 1

class Odd: ...

def f(a: int, b: Color = Color.RED, c: Options | None = None) -> list[str]:
    """Doc."""
'''


def test_the_hash_is_a_digest_that_stays_the_same(build: Build) -> None:
    first, second = build(SOURCE), build(SOURCE)

    assert first == second
    assert len(first.hash) == len(hashlib.sha256().hexdigest())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def f(", "def g("),
        ("a: int", "a: float"),
        ("a: int", "a"),
        ("a: int", "a: int = 1"),
        ("a: int", "a: int, /"),
        ("a: int", "renamed: int"),
        ("b: Color = Color.RED", "*, b: Color = Color.RED"),
        ("-> list[str]", "-> list[int]"),
        ("RED = 1", "RED = 2"),
        ("RED = 1", "RED = 1\n    BLUE = 2"),
        ("depth: int = 1", "depth: int = 2"),
        ("depth: int", "deep: int"),
    ],
)
def test_another_signature_has_another_hash(build: Build, old: str, new: str) -> None:
    assert build(SOURCE.replace(old, new)).hash != build(SOURCE).hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Doc."""', '"""Another."""'),
        ("def f(", "async def f("),
        ("    depth", '    """Options."""\n    depth'),
        ("\nimport enum", '"""The file."""\nimport enum'),
    ],
)
def test_what_is_only_said_or_done_otherwise_has_the_same_hash(
    build: Build, old: str, new: str
) -> None:
    assert build(SOURCE.replace(old, new)).hash == build(SOURCE).hash


def test_another_implementation_or_warning_has_the_same_hash(build: Build) -> None:
    plain = build("class Odd: ...\ndef f(a): return 1")
    warned = build("class Odd: ...\ndef f(a: Odd): return 2")

    assert warned.warnings
    assert warned.hash == plain.hash


@pytest.mark.parametrize(
    "default",
    [
        "object()",
        "lambda: 1",
        "Odd()",
        "[Odd()]",
        "{'one', 'two', 'three', 'four'}",
        "frozenset(['one', 'two', 'three', 'four'])",
    ],
)
def test_the_hash_is_the_same_in_every_process(
    default: str, run_python: Callable[..., str]
) -> None:
    code = f"""
        import random
        from seer_runtime.schema import Signature, build_schema
        from seer_runtime.wire.records import TypeNames

        class Odd: ...

        ballast = [object() for _ in range(random.randrange(1000))]

        def f(a={default}): ...

        print(build_schema("tools", "", {{"f": Signature(f)}}, TypeNames()).hash)
        """

    assert len({run_python(code, PYTHONHASHSEED=seed) for seed in ("1", "2", "3")}) == 1


def test_the_whole_of_it_is_the_same_in_every_process(run_python: Callable[..., str]) -> None:
    code = """
        import enum
        import random
        from dataclasses import dataclass, make_dataclass
        from typing import Literal, TypedDict
        import pydantic
        from seer_runtime.schema import Signature, build_schema
        from seer_runtime.wire.records import TypeNames

        ballast = [object() for _ in range(random.randrange(1000))]

        class Color(enum.Enum):
            RED = 1

        class Options(TypedDict):
            color: Color
            more: "list[Options]"

        class Settings(pydantic.BaseModel):
            names: set[str] = {"a", "b", "c"}
            json_value: pydantic.JsonValue = None

        first, second = (make_dataclass("Same", [("x", kind)]) for kind in (int, str))

        def f(a: Options, b: first, c: second, d: set[str] = {"x", "y", "z"}) -> Settings: ...
        def g(a: second, b: first, s: Settings | Color) -> dict[str, Options]: ...

        signatures = {"f": Signature(f), "g": Signature(g)}
        schema = build_schema("tools", "", signatures, TypeNames())
        print(schema.SerializeToString(deterministic=True).hex())
        """

    assert len({run_python(code, PYTHONHASHSEED=seed) for seed in ("1", "2", "3")}) == 1


@pytest.mark.parametrize("factory", ["lambda: uuid.uuid4().hex", "lambda: time.perf_counter_ns()"])
def test_what_a_default_factory_makes_anew_each_time_is_no_part_of_the_contract(
    build: Build, factory: str
) -> None:
    source = f"""
        import time
        import uuid
        from dataclasses import dataclass, field

        @dataclass
        class Job:
            id: str = field(default_factory={factory})

        def f(job: Job): ...
        """

    first, second = build(source), build(source)

    assert first.hash == second.hash
    assert not first.types[0].fields[0].default.is_literal


def test_a_default_whose_repr_fails_does_not_keep_the_interface_from_loading(
    describe: Describe,
) -> None:
    function = describe(
        """
        class Shy:
            def __repr__(self):
                raise RuntimeError("no")

        def f(a=Shy()): ...
        """
    )

    assert function.parameters[0].HasField("default")
    assert not function.parameters[0].default.is_literal
