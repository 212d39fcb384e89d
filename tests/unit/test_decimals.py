"""Decimals in JSON arguments: every digit that was written, and nothing else is changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, Optional, TypedDict

import annotated_types
import pydantic
import pytest
import typing_extensions

from seer_runtime.arguments import ArgumentsError
from seer_runtime.core_schemas import core_schema_of
from seer_runtime.decimals import DecimalParser
from seer_runtime.schema import Signature

DIGITS = "0.1000000000000000055511151231257827"
EXACT = Decimal(DIGITS)


@dataclass
class Item:
    price: Decimal
    weight: float = 0.0
    parts: list[Item] = field(default_factory=list)


class Order(pydantic.BaseModel):
    total: Decimal = pydantic.Field(alias="sum")
    rate: Decimal | float = 0.0
    any_value: Any = None


class Doubled(pydantic.BaseModel):
    """Its validator takes what JSON has."""

    price: Annotated[Decimal, pydantic.BeforeValidator(lambda given: given * 2)]


class Span(NamedTuple):
    start: Decimal
    end: float = 0.0


Prices = TypedDict("Prices", {"a-b": Decimal, "b": typing_extensions.NotRequired[float]})
Tree = typing_extensions.TypeAliasType("Tree", "Decimal | dict[str, Tree] | list[Tree]")
Names = pydantic.RootModel[list[Decimal]]


def read(hint: Any, text: str) -> Any:
    def f(value: Any) -> None: ...

    f.__annotations__["value"] = hint
    (value,), _ = Signature(f).from_json.read(f'{{"value": {text}}}', list)
    return value


@pytest.mark.parametrize(
    ("hint", "text", "expected"),
    [
        (Decimal, "{}", EXACT),
        (Optional[Decimal], "{}", EXACT),  # noqa: UP045
        (Decimal | str, "{}", EXACT),
        (Decimal | int, "{}", EXACT),
        (Decimal | list[Decimal], "[{}]", [EXACT]),
        (Annotated[Decimal, annotated_types.Gt(0)], "{}", EXACT),
        (list[Decimal], "[1, {}]", [Decimal(1), EXACT]),
        (tuple[float, Decimal], "[0.5, {}]", (0.5, EXACT)),
        (tuple[Decimal, ...], "[{}]", (EXACT,)),
        (tuple[Decimal, Decimal], "[{0}, {0}]", (EXACT, EXACT)),
        (set[Decimal], "[{0}, {0}]", {EXACT}),
        (Sequence[Decimal], "[{}]", [EXACT]),
        (Iterable[Decimal], "[{}]", [EXACT]),
        (dict[str, Decimal], '{{"a": {}}}', {"a": EXACT}),
        (Mapping[Decimal, Decimal], '{{"{0}": {0}}}', {EXACT: EXACT}),
        (Item, '{{"price": {0}, "weight": {0}}}', Item(EXACT, 0.1)),
        (Item, '{{"price": 1, "parts": [{{"price": {}}}]}}', Item(Decimal(1), 0.0, [Item(EXACT)])),
        (Item | Order, '{{"price": {}}}', Item(EXACT)),
        (Order, '{{"sum": {}}}', Order(sum=EXACT)),
        (Span, "[{0}, {0}]", Span(EXACT, 0.1)),
        (Span, '{{"start": {0}, "end": {0}}}', Span(EXACT, 0.1)),
        (Prices, '{{"a-b": {0}, "b": {0}}}', {"a-b": EXACT, "b": 0.1}),
        (Tree, '{{"a": [{}]}}', {"a": [EXACT]}),
        (Names, "[{}]", Names([EXACT])),
        (Order | Decimal, "{}", EXACT),
    ],
    ids=lambda each: repr(each)[:40],
)
def test_a_decimal_has_all_of_its_digits(hint: Any, text: str, expected: Any) -> None:
    assert repr(read(hint, text.format(DIGITS))) == repr(expected)


@pytest.mark.parametrize(
    "digits",
    ["1.10", "-0.0", "1E-400", "1e400", "123456789012345678901234567890.5", "9" * 30, "1e5"],
)
def test_numbers_of_every_kind_are_read_as_they_are_written(digits: str) -> None:
    assert str(read(Decimal, digits)) == str(Decimal(digits))


@pytest.mark.parametrize(
    ("hint", "text", "expected"),
    [
        (Decimal | float, "0.50", 0.5),
        (Decimal | str | dict[str, Any], "0.50", Decimal("0.5")),
        (dict[str, Decimal] | float, "0.50", 0.5),
        (Decimal | dict[str, Any], '{"a": 0.50}', {"a": 0.5}),
        (Order, '{"sum": 1, "rate": 0.50, "any_value": [0.50]}', None),
        (Doubled, '{"price": 0.75}', Doubled.model_validate({"price": 0.75})),
        (Decimal, '"0.50"', Decimal("0.50")),
        (Decimal | str, '"0.50"', "0.50"),
        (Decimal, "3", Decimal(3)),
    ],
    ids=lambda each: repr(each)[:40],
)
def test_what_is_no_decimal_is_read_as_before(hint: Any, text: str, expected: Any) -> None:
    expected = expected or Order(sum=Decimal(1), rate=0.5, any_value=[0.5])

    assert repr(read(hint, text)) == repr(expected)


@pytest.mark.parametrize("text", ["true", "[0.5]", '{"a": 0.5}', '"x"', "1e99999999999999999999"])
def test_what_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(ArgumentsError, match="value"):
        read(Decimal, text)


def test_bounds_hold_for_all_digits() -> None:
    hint = Annotated[Decimal, pydantic.Field(gt=Decimal("0.1"), max_digits=40)]

    assert read(hint, DIGITS) == EXACT
    with pytest.raises(ArgumentsError, match=r"greater than 0\.1, got Decimal"):
        read(hint, "0.0999999999999999999999999")


@dataclass
class Left:
    price: Decimal
    children: list[Left | Right] = field(default_factory=list)


@dataclass
class Right:
    cost: Decimal
    children: list[Left | Right] = field(default_factory=list)


def test_types_that_refer_to_themselves_in_several_ways_take_no_longer() -> None:
    # pydantic itself does take longer.
    parser = DecimalParser(core_schema_of({"value": Left | Right}))
    text = f'{{"price": {DIGITS}}}'
    for _ in range(40):
        text = f'{{"cost": 1, "children": [{text}]}}'

    marked = json.dumps(parser.marked(parser.parse(f'{{"value": {text}}}')))

    assert f'"{DIGITS}"' in marked


def test_decimals_that_are_nested_too_deeply_are_refused() -> None:
    depth = 50_000
    with pytest.raises(ArgumentsError, match="too deeply"):
        read(Tree, "[" * depth + "0.5" + "]" * depth)


def test_arguments_of_every_kind_keep_their_digits() -> None:
    def f(a: Decimal, /, *more: Decimal, **others: Decimal) -> None: ...

    f.__annotations__ = {"a": Decimal, "more": Decimal, "others": Decimal}
    text = f'{{"a": {DIGITS}, "more": [{DIGITS}], "z": {DIGITS}}}'

    args, kwargs = Signature(f).from_json.read(text, list)

    assert (args, kwargs) == ([EXACT, EXACT], {"z": EXACT})
    assert json.loads(text)["a"] != EXACT
