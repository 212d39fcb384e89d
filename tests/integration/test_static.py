"""Descriptions from the source alone: the same as those of what was loaded, and nothing runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seer_rpc.environment import ScopedSandbox
from seer_rpc.environment.sources import describe_source
from seer_rpc.errors import (
    InterfaceError,
    InterfaceMissingError,
    InterfaceSyntaxError,
    NothingExposedError,
)
from seer_runtime.wire.outline import signature

Write = Callable[..., Path]

FUNCTIONS = '''
    """Functions of every kind."""
    import asyncio
    import functools
    import math
    import time
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path
    from typing import Any, Optional

    LIMIT = 5
    started = time.time()

    def timed(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)
        return wrapper

    def helper(n):
        return n

    @expose
    def plain(a, b: int, c="x", *args: float, d: Optional[str] = None, **rest: list[int]) -> dict:
        """Do it.

        Args:
            a: The first.
            b: The second.
        """
        return {}

    @expose(read_only=True, idempotent=True, timeout=2.5)
    def limited(n: int = LIMIT, x: float = -math.inf, f=helper, /) -> None: ...

    @expose
    @timed
    def decorated(path: Path = Path("/tmp"), values: list[int] = [1, 2]) -> Any: ...

    @expose(concurrent=True)
    async def later(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @expose()
    def stream(n: int) -> Iterator[int]:
        for i in range(n):
            yield i

    @expose
    async def astream() -> AsyncIterator[str]:
        yield "a"

    @expose
    def given(values: list[int]) -> Iterator[int]:
        return iter(values)

    @expose(concurrent=True)
    async def agiven() -> "AsyncIterator":
        return astream()

    @expose(batch=True, max_batch=4)
    def batched(texts: list[str]) -> list[int]:
        return [len(text) for text in texts]

    def by_hand(x: int) -> int:
        return x

    expose(by_hand)
'''

TYPES = '''
    from __future__ import annotations

    import datetime as dt
    import enum
    import typing as t
    import uuid
    from dataclasses import KW_ONLY, dataclass, field
    from decimal import Decimal
    from typing import TYPE_CHECKING, Annotated, Generic, Literal, NamedTuple, NewType
    from typing import NotRequired, TypedDict, TypeVar, Union

    import annotated_types
    import pydantic
    from pydantic import BaseModel, Field
    from seer_rpc.interface import Ref, TensorRef, expose
    from typing_extensions import TypeAliasType

    if TYPE_CHECKING:
        from collections.abc import Mapping, Sequence
    else:
        from collections.abc import Mapping, Sequence

    T = TypeVar("T")
    Token = NewType("Token", int)
    Vector = list[float]
    Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str | None")
    Tree = Union[int, list["Tree"]]

    class Color(enum.Enum):
        """The colours."""
        RED = enum.auto()
        BLUE = "blue"
        GREEN = 1 << 3
        def shade(self): return 1

    class Access(enum.IntFlag):
        READ = 1
        WRITE = 2

    @dataclass(frozen=True)
    class Point:
        """A point.

        Attributes:
            x: To the right.
        """
        x: float
        y: float = 0.5
        tags: list[str] = field(default_factory=list)
        at: dt.datetime = field(default_factory=lambda: dt.datetime.now())
        _: KW_ONLY
        total: int = field(init=False, default=0)
        kinds: t.ClassVar[int] = 3

    @dataclass
    class Node(Generic[T]):
        value: int
        children: list[Node] = field(default_factory=list)
        color: Color = Color.RED

    class Span(NamedTuple):
        start: int
        end: int = -1

    class Options(TypedDict, total=False):
        depth: t.Required[int]
        span: Span
        inner: Options

    Headers = TypedDict("Headers", {"content-type": str, "a b": NotRequired["list[Headers]"]})

    class Settings(BaseModel):
        """Settings."""
        model_config = pydantic.ConfigDict(frozen=True)
        size: Annotated[int, Field(ge=0, description="How large.")] = 3
        name: str = Field(default="x", max_length=9)
        nested: list[Settings] = []

        @pydantic.field_validator("name")
        @classmethod
        def check(cls, value): return value

    class EmptyError(ValueError):
        """Nothing there."""

    class DeepError(EmptyError): ...

    @expose
    def f(p: Point, node: Node[int], span: Span | None, o: Options, c: Color = Color.BLUE): ...

    @expose
    def g(s: Settings, json: Json, tree: Tree, token: Token, v: Vector, a: Access) -> Headers: ...

    @expose
    def h(
        a: Literal["x", 1], b: Annotated[float, annotated_types.Ge(0)], c: uuid.UUID, d: Decimal,
        e: Sequence[int], f: Mapping[str, "Point"], g: tuple[int, ...], h: bytes = b"x",
        i: frozenset[str] = frozenset(), j: dt.timedelta = dt.timedelta(seconds=1), k: Ref = None,
    ) -> TensorRef:
        raise EmptyError
'''

ARRAYS = """
    import numpy as np
    import numpy.typing as npt
    import torch
    from jaxtyping import Bool, Float, Float32
    from torch import Tensor
    from typing import Annotated

    model = torch.nn.Linear(2, 2)

    @expose
    def f(
        a: torch.Tensor, b: np.ndarray, c: npt.NDArray[np.float32], d: Float[Tensor, "batch seq"],
        e: Float32[np.ndarray, "3 n"], f: Bool[Tensor, "n"], g: Annotated[Tensor, "float16", "a b"],
        h: np.ndarray[tuple[int, int], np.dtype[np.int64]], i: "Tensor | None" = None,
        j=torch.float16, k: float = np.inf,
    ) -> tuple[Tensor, np.ndarray | None]:
        return model(a), None
"""

GROUPS = '''
    import threading
    from helpers import Base, Settings

    lock = threading.Lock()

    @expose(idempotent=True)
    class Steering(Base):
        """Steers."""

        def __init__(self, strength: float = 1.0):
            self.strength = strength
            self.lock = lock

        def apply(self, layer: int, settings: Settings | None = None) -> float:
            """Apply it."""
            with self.lock:
                return self.strength

        @expose(read_only=True)
        def get(self) -> float: ...

        async def wait(self) -> None: ...

        def steps(self):
            yield 1

        @staticmethod
        def double(n: int) -> int: return 2 * n

        @property
        def half(self): return self.strength / 2

        def _private(self): ...
'''
HELPERS = """
    from dataclasses import dataclass

    @dataclass
    class Settings:
        depth: int = 1

    class Base:
        def inherited(self, settings: Settings) -> int:
            return settings.depth
"""


@pytest.mark.parametrize(
    "source", [FUNCTIONS, TYPES, ARRAYS, GROUPS], ids=["functions", "types", "arrays", "groups"]
)
def test_what_is_resolved_is_described_as_what_was_loaded(
    shared: ScopedSandbox, write: Write, source: str
) -> None:
    write(HELPERS, "helpers.py")
    file = write(source, "described.py")

    read, loaded = describe_source(file), shared.serve(file).schema

    assert sorted(read.warnings) == sorted(loaded.warnings)
    for schema in (read, loaded):
        del schema.warnings[:]
    assert read == loaded
    assert read.hash == loaded.hash


def test_packages_beside_a_file_are_read_as_they_are_loaded(
    shared: ScopedSandbox, write: Write, tmp_path: Path
) -> None:
    (tmp_path / "kit" / "deep").mkdir(parents=True)
    write(
        "from kit.deep import Point\nfrom . import more\nfrom .more import Names", "kit/__init__.py"
    )
    write("from .points import Point", "kit/deep/__init__.py")
    write(HELPERS.replace("Settings", "Point"), "kit/deep/points.py")
    write(
        """
        from __future__ import annotations
        from .deep.points import Point

        Names = list[str]

        @expose
        def moved(point: Point, names: Names) -> Point: ...
        """,
        "kit/more.py",
    )
    file = write(
        """
        import kit.deep.points
        from kit import Names, Point, more

        @expose
        def far(point: kit.deep.points.Point, other: Point, names: Names) -> more.Names: ...
        """,
        "packaged.py",
    )

    read = describe_source(file)

    assert not read.warnings
    assert [each.name for each in read.functions] == ["moved", "far"]
    assert read == shared.serve(file).schema


def test_what_lies_around_a_package_is_not_read(write: Write, tmp_path: Path) -> None:
    """It may be all that is installed."""
    (tmp_path / "kit").mkdir()
    write("class Thing: ...", "around.py")
    write("", "kit/__init__.py")
    file = write(
        "from around import Thing\n@expose\ndef f(thing: Thing) -> int: ...", "kit/interface.py"
    )
    assert describe_source(file).functions[0].parameters[0].type.unresolved


def test_nothing_of_the_file_runs(write: Write, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    touch = f"open({str(marker)!r}, 'w')"
    file = write(
        f"""
        import enum
        from dataclasses import dataclass, field
        from typing import Annotated
        import pydantic

        {touch}
        state = {touch}

        class Meta(type):
            def __new__(cls, *args): {touch}; return super().__new__(cls, *args)

        class Loud(metaclass=Meta):
            {touch}
            x: int = {touch}
            def __init_subclass__(cls): {touch}

        class Quiet(Loud): ...

        class Color(enum.Enum):
            RED = {touch}

        @dataclass
        class Point:
            x: int = field(default_factory=lambda: {touch})
            y: "{touch}" = 1
            def __post_init__(self): {touch}

        class Model(pydantic.BaseModel):
            x: Annotated[int, pydantic.AfterValidator(lambda v: {touch})] = 1

        def mark(function): {touch}; return function

        @expose
        @mark
        def f(
            a: {touch}, b: "{touch}", c: list["{touch}"], d: Point, e: Model, f: Color,
            g: ().__class__.__base__.__subclasses__(), h=[{touch} for _ in "x"],
            i=(lambda: {touch})(), j=f"{{ {touch} }}",
        ): {touch}

        @expose
        class Group:
            def __new__(cls): {touch}; return super().__new__(cls)
            def __init__(self): {touch}
            def go(self): {touch}
        """.replace("{{ ", "{").replace(" }}", "}")
    )

    schema = describe_source(file)

    assert not marker.exists()
    assert [each.name for each in schema.functions] == ["f", "Group.go"]
    unresolved = [each.name for each in schema.functions[0].parameters if each.type.unresolved]
    assert unresolved[:3] == ["a", "b", "c"]
    assert "g" in unresolved


def test_what_is_imported_may_be_missing_and_what_needs_it_is_marked(write: Write) -> None:
    file = write(
        """
        import surely_missing
        from surely_missing.sub import Config as C
        from transformers import PreTrainedModel

        model = surely_missing.load("a model")

        class Own(C):
            x: int

        @expose
        def f(
            a: surely_missing.Thing, b: list[C], c: int, d: "PreTrainedModel | None" = None
        ) -> Own:
            return model(a)
        """
    )

    schema = describe_source(file)

    (function,) = schema.functions
    assert (
        signature(function, marked=True) == "f(a: ?surely_missing.Thing, b: ?list[C], c: int, "
        "d: ?'PreTrainedModel | None' = None) -> ?Own"
    )
    assert [warning.split(":")[0] for warning in schema.warnings] == [
        *("f, a", "f, b", "f, d", "f, result")
    ]
    assert "surely_missing" in schema.warnings[0]
    assert json.loads(function.input_schema)["properties"]["c"] == {"type": "integer"}


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("def f(:", InterfaceSyntaxError),
        ("def f(): ...", NothingExposedError),
        ("@expose\nclass A:\n    def __init__(self, n): ...\n    def f(self): ...", InterfaceError),
    ],
)
def test_what_cannot_be_described_is_an_error(
    write: Write, source: str, error: type[InterfaceError]
) -> None:
    with pytest.raises(error):
        describe_source(write(source))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InterfaceMissingError, match=r"none\.py"):
        describe_source(tmp_path / "none.py")


@pytest.mark.parametrize(
    "hint",
    [
        "class C:\n    HINT = {text!r}\nHINT = C",
        "HINT = str({text!r})",
        "from typing_extensions import TypeAliasType\nHINT = TypeAliasType('HINT', {text!r})",
    ],
)
def test_text_that_is_named_does_nothing_either(tmp_path: Path, hint: str) -> None:
    mark = tmp_path / "ran"
    text = f"typing.sys.modules['os'].system('touch {mark}')"
    named = "C.HINT" if "class" in hint else "HINT"
    file = tmp_path / "naming.py"
    file.write_text(
        f"import typing\n{hint.format(text=text)}\n@expose\ndef f(x: {named}) -> int: ...\n"
    )
    with contextlib.suppress(InterfaceError):
        describe_source(file)
    assert not mark.exists()
