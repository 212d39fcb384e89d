"""Arguments on a command line: one JSON object, with every number as it is written."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from seer_rpc.shell.arguments import add_arguments, parse, read_arguments
from seer_rpc.shell.output import UsageError
from seer_runtime.wire.pb.interface_pb2 import Function

DIGITS = "0.1000000000000000055511151231257827"
FUNCTION = Function(
    name="f", input_schema='{"properties": {"text": {"type": "string"}, "price": {}}}'
)


def read(*words: str) -> str:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return read_arguments(parse(parser, words), FUNCTION)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--json", '{"a": 1}'], '{"a": 1}'),
        ([f"price={DIGITS}"], f'{{"price": {DIGITS}}}'),
        (["--json", f' {{"a": {DIGITS}}}\n', "price=1.10"], f'{{"a": {DIGITS}, "price": 1.10}}'),
        (["--json", "{ }", "price=1e400"], '{"price": 1e400}'),
        (["text=1.10", 'price={"b": [1.10]}'], '{"text": "1.10", "price": {"b": [1.10]}}'),
        (["price=1.1.0"], '{"price": "1.1.0"}'),
        ([], "{}"),
    ],
)
def test_numbers_stay_as_they_are_written(words: Sequence[str], text: str) -> None:
    assert read(*words) == text


def test_what_is_given_twice_counts_as_it_is_given_last(tmp_path: Path) -> None:
    file = tmp_path / "arguments.json"
    file.write_text('{"a": 2, "b": 2, "price": 2}')

    text = read("--json", '{"a": 1, "c": 1}', f"@{file}", "price=3", "price=4")

    assert json.loads(text) == {"a": 2, "b": 2, "c": 1, "price": 4}


@pytest.mark.parametrize("text", ["[1]", "{", '{"a": 1}}', "null"])
def test_nothing_can_be_added_to_what_is_no_object(text: str) -> None:
    with pytest.raises(UsageError):
        read("--json", text, "price=1")
