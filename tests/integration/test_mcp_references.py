"""Values that stay in the sandbox, as a model looks at them, lists them and frees them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seer_rpc.environment import ScopedSandbox
from seer_rpc.mcp.interface.references import MOST
from tests.integration.mcp_talk import Talk, talk, text_of

SOURCE = """
import gc
import os
import time
import weakref
from dataclasses import dataclass

import torch


class Kept:
    alive = weakref.WeakSet()

    def __init__(self):
        self.alive.add(self)


@expose
def keep(size: int, dtype: str = "float32") -> TensorRef:
    return TensorRef(torch.ones(size, dtype=getattr(torch, dtype)))


@expose
def note(text: str, times: int = 1) -> Ref:
    return Ref({"text": text * times})


@expose
def object() -> Ref:
    return Ref(Kept())


@expose
def objects(count: int) -> list[Ref]:
    return [Ref(Kept()) for _ in range(count)]


@expose
def alive() -> int:
    gc.collect()
    return len(Kept.alive)


@expose
def total(x: torch.Tensor) -> float:
    return float(x.sum())


@expose
def sleep(seconds: float) -> None:
    time.sleep(seconds)


@expose
def die() -> None:
    os._exit(3)
"""


@pytest.fixture(scope="module")
def config(shared: ScopedSandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("mcp") / "interface.py"
    file.write_text(SOURCE)
    return dict(shared.serve(file, expose_as="mcp", name="kept"))


@pytest.fixture
def server(config: dict[str, Any]) -> Iterator[Talk]:
    with talk(config) as talking:
        yield talking


@pytest.fixture(scope="module")
def lasting(config: dict[str, Any]) -> Iterator[Talk]:
    """A server for tests that keep nothing in it."""
    with talk(config) as talking:
        yield talking


def test_a_tensor_that_stayed_is_a_summary_and_a_file(server: Talk) -> None:
    number = server.value("keep", size=1000)["reference"]
    result = server.call("reference_get", reference=number)

    assert len(text_of(result)) < 1000
    told = server.value("reference_get", reference=number)
    assert (told["dtype"], told["shape"], told["mean"]) == ("float32", [1000], 1.0)
    assert np.load(told["file"]).tolist() == [1.0] * 1000
    # It is there all the same.
    assert server.value("total", x={"reference": number}) == 1000


def test_a_long_value_that_stayed_is_clipped_and_kept(server: Talk) -> None:
    short, long = (server.value("note", text="ab", times=times) for times in (1, 100_000))

    assert server.value("reference_get", reference=short["reference"]) == {"text": "ab"}
    result = server.call("reference_get", reference=long["reference"])
    assert len(text_of(result)) < 25_000
    assert result.structured_content is not None
    whole = json.loads(Path(result.structured_content["file"]).read_text())
    assert whole == {"text": "ab" * 100_000}


def test_a_value_that_cannot_cross_says_so_and_stays(server: Talk) -> None:
    number = server.value("object")["reference"]

    error = server.error("reference_get", reference=number)
    assert "the value is a interface.Kept: send plain values" in error
    assert server.value("reference_list")["references"] == [{"reference": number, "type": "Kept"}]


def comes_to_be_alive(server: Talk, count: int) -> bool:
    """Tell whether so many objects are left soon: nobody waits for the worker to free one."""
    deadline = time.monotonic() + 60
    while server.value("alive") != count and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(server.value("alive") == count)


def test_what_is_freed_is_gone_and_says_so(server: Talk) -> None:
    # Those of servers before this one may still be freed.
    assert comes_to_be_alive(server, 0)
    kept, freed = (server.value("object")["reference"] for _ in range(2))
    tensor = server.value("keep", size=3)["reference"]
    assert server.value("alive") == 2

    for number in (freed, tensor):
        assert server.value("reference_free", reference=number) == {"freed": number}

    for tool in ("reference_get", "reference_free"):
        error = server.error(tool, reference=freed)
        assert f"There is no reference {freed}: it was freed" in error
        assert "reference_list" in error
    # Nobody waits for the worker to free one.
    deadline = time.monotonic() + 60
    while not (result := server.call("total", x={"reference": tensor})).is_error:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "it was freed" in text_of(result)
    assert comes_to_be_alive(server, 1)
    listed = server.value("reference_list")["references"]
    assert [each["reference"] for each in listed] == [kept]


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("reference_get", {"reference": {"reference": 1}}, "reference must be an integer, not {"),
        ("reference_free", {}, "reference is missing"),
        ("reference_list", {"reference": 1}, "there is no 'reference' (there are no arguments)"),
        ("job_get", {"job_id": 1}, "job_id must be a string, not 1"),
        ("job_list", {"x": 1}, "there is no 'x'"),
    ],
)
def test_arguments_of_the_server_s_own_tools_are_refused_in_words(
    lasting: Talk, tool: str, arguments: dict[str, Any], told: str
) -> None:
    error = lasting.error(tool, **arguments)

    assert error.startswith(f"{tool}: ")
    assert told in error


def test_what_there_is_is_listed_in_order(server: Talk) -> None:
    assert text_of(server.call("reference_list")) == "There are no references."
    kept = [server.value("keep", size=size, dtype="bfloat16") for size in (2, 3)]

    listed = server.value("reference_list")["references"]
    assert listed == kept
    assert (listed[1]["dtype"], listed[1]["shape"], listed[1]["device"]) == ("bfloat16", [3], "cpu")


def test_the_newest_are_kept_and_who_frees_others_says_so(server: Talk) -> None:
    assert comes_to_be_alive(server, 0)
    result = server.call("objects", count=MOST + 5)

    assert f"The 5 oldest references were freed: {MOST} are kept" in text_of(result)
    assert comes_to_be_alive(server, MOST)
    assert len(server.value("reference_list")["references"]) == MOST


def test_a_restarted_worker_has_none_of_them(server: Talk) -> None:
    number = server.value("keep", size=3)["reference"]
    server.error("die")

    assert server.value("reference_list")["references"] == []
    assert "its worker was restarted" in server.error("reference_get", reference=number)
    server.call("alive")
    number = server.value("keep", size=4)["reference"]
    assert server.value("reference_get", reference=number)["shape"] == [4]


def test_a_value_that_has_to_wait_becomes_a_job(config: dict[str, Any]) -> None:
    patient = {"kept": {**config["kept"], "args": [*config["kept"]["args"], "--wait", "0.5"]}}
    with talk(patient) as server:
        number = server.value("keep", size=3)["reference"]
        server.call("sleep", seconds=3.5)
        job = server.value("reference_get", reference=number)
        assert job["status"] == "running"
        while (told := server.value("job_get", job_id=job["job_id"])).get("status"):
            assert told["status"] == "running"
        assert told["shape"] == [3]


def test_the_tools_say_what_they_do(lasting: Talk) -> None:
    tools = lasting.tools()
    names = ("reference_get", "reference_free", "reference_list")
    annotations = [tools[name].annotations for name in names]
    told = [
        (each.read_only_hint, each.destructive_hint, each.idempotent_hint, each.open_world_hint)
        for each in annotations
        if each is not None
    ]
    assert told == [
        (True, False, True, False),
        (False, True, True, False),
        (True, False, True, False),
    ]
    for name in names[:2]:
        assert "reference" in tools[name].input_schema["required"]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def plain(x: int) -> int: return x", []),
        ("def untyped(x): return Ref(x)", ["reference_get", "reference_free", "reference_list"]),
        (
            "def reference_get(x: int) -> Ref: return Ref(x)",
            ["call_reference_get", "call_reference_free", "call_reference_list"],
        ),
    ],
)
def test_they_are_there_where_references_may_be_and_under_free_names(
    shared: ScopedSandbox, tmp_path: Path, source: str, names: list[str]
) -> None:
    file = tmp_path / "interface.py"
    file.write_text(f"@expose\n{source}\n")
    name = source.split("(")[0].removeprefix("def ")
    with talk(shared.serve(file, expose_as="mcp", name=f"with_{name}")) as server:
        tools = list(server.tools())
        assert tools[1:-3] == names
        if names:
            number = server.value(name, x=5)["reference"]
            assert server.value(names[0], reference=number) == 5
            assert server.value(names[1], reference=number) == {"freed": number}
