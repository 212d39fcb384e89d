"""Calls through a real sandbox: what a call gives is what the function gives in process."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from seer_rpc.client import Session
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import FunctionMissingError
from seer_rpc.workspace import Library
from seer_runtime.wire.call_ids import call_id

VALUES = '''\
"""One value of every kind that crosses."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from pathlib import Path
from typing import Any, NamedTuple, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import torch
from pydantic import BaseModel

from seer_rpc.interface import expose


class Colour(Enum):
    RED = "red"
    BLUE = (0, 0, 255)


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Right(Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: float
    y: float = 0.0


@dataclass
class Shape:
    points: list[Point]
    colour: Colour = Colour.RED
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Frozen:
    key: str
    value: tuple[int, ...] = ()


class Pair(NamedTuple):
    left: int
    right: str = "r"


class Movie(TypedDict, total=False):
    title: str
    year: int


class Settings(BaseModel):
    name: str
    rates: list[float] = []
    point: Point | None = None


VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "false": False,
    "zero": 0,
    "small_int": -129,
    "int_max": 2**63 - 1,
    "int_min": -(2**63),
    "int_unsigned_max": 2**64 - 1,
    "int_beyond": 2**64,
    "int_far_beyond": -(10**400),
    "float": 0.1,
    "whole_float": 3.0,
    "negative_zero": -0.0,
    "nan": math.nan,
    "infinity": math.inf,
    "minus_infinity": -math.inf,
    "denormal": 5e-324,
    "complex": 1 - 2j,
    "empty_text": "",
    "text": "naïve → 模型 🚀 <tag a='b'>&amp;</tag> \\x00 \\n\\t \\\\",
    "lone_surrogate": "\\ud800",
    "long_text": "xy" * 100_000,
    "json_text": '{"a": [1, null]}',
    "bytes": bytes(range(256)),
    "empty_bytes": b"",
    "list": [1, [2.0, ["3", [None, [True]]]]],
    "empty_list": [],
    "empty_tuple": (),
    "tuple": (1, (2, [3, (4,)])),
    "set": {1, "a", (2, 3)},
    "frozenset": frozenset({1, 2}),
    "dict": {"a": {"b": {"c": None}}, "": []},
    "dict_order": {"z": 1, "a": 2, "m": 3},
    "dict_keys": {1: "int", "1": "str", 2.5: 0, None: 0, True: "one", (1, "a"): 0, b"k": 0},
    "dict_date_keys": {date(2024, 2, 29): 1, Colour.RED: 2, frozenset({1}): 3, 2**70: 4},
    "ordered_dict": dict(OrderedDict(b=1, a=2)),
    "range": range(10, 0, -3),
    "date": date(1, 1, 1),
    "time": time(23, 59, 59, 999_999),
    "datetime": datetime(2024, 2, 29, 12, 30, 15, 123_456),
    "datetime_utc": datetime(2024, 2, 29, tzinfo=timezone.utc),
    "datetime_offset": datetime(2024, 2, 29, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
    "datetime_zone": datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    "timedelta": timedelta(days=-1, microseconds=1),
    "decimal": Decimal("1.10"),
    "uuid": UUID(int=1),
    "path": Path("/a/b c"),
    "enum": Colour.RED,
    "enum_of_tuple": Colour.BLUE,
    "int_enum": Level.HIGH,
    "flag": Right.READ | Right.WRITE,
    "dataclass": Point(1.5),
    "nested_dataclass": Shape([Point(1.0, 2.0)], Colour.BLUE, {"k": Point(0.0)}),
    "frozen_dataclass": Frozen("k", (1, 2)),
    "named_tuple": Pair(1),
    "typed_dict": Movie(title="t"),
    "pydantic": Settings(name="n", rates=[0.5], point=Point(1.0)),
    "mixed": [Colour.RED, {"p": Pair(2, "x")}, (Point(3.0), None), {Level.LOW}],
    "array": np.arange(12, dtype=np.float32).reshape(3, 4),
    "array_int8": np.array([-128, 127], dtype=np.int8),
    "array_bool": np.array([[True, False]]),
    "array_complex": np.array([1 + 2j]),
    "array_big_endian": np.array([1, 2], dtype=">i4"),
    "array_text": np.array(["ab", "ç"]),
    "array_datetime": np.array(["2024-02-29"], dtype="datetime64[D]"),
    "array_half": np.array([0.5, np.nan, np.inf], dtype=np.float16),
    "array_scalar_shape": np.array(7),
    "array_empty": np.zeros((0, 3), dtype=np.int64),
    "array_strided": np.arange(24).reshape(4, 6)[::2, ::-3],
    "array_transposed": np.arange(6.0).reshape(2, 3).T,
    "numpy_float": np.float32(0.1),
    "numpy_float64": np.float64(0.1),
    "numpy_int": np.int64(-5),
    "numpy_bool": np.bool_(True),
    "tensor": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "tensor_bfloat16": torch.tensor([1.5, -0.0, float("nan")], dtype=torch.bfloat16),
    "tensor_half": torch.tensor([0.1], dtype=torch.float16),
    "tensor_float8": torch.tensor([0.5, 1.0]).to(torch.float8_e4m3fn),
    "tensor_int64": torch.tensor([[2**62]]),
    "tensor_bool": torch.tensor([True, False]),
    "tensor_complex": torch.tensor([1 + 2j]).conj(),
    "tensor_scalar_shape": torch.tensor(3.0),
    "tensor_empty": torch.zeros(0, 4),
    "tensor_strided": torch.arange(12).reshape(3, 4).t()[::2],
    "tensor_expanded": torch.tensor([1.0]).expand(3),
    "tensor_with_grad": torch.ones(2, requires_grad=True) * 2,
    "tensors": {"layers": [torch.ones(2, 2), (np.ones(1), torch.zeros(1))], "n": 2},
}


@expose
def get(name: str):
    return VALUES[name]


@expose
def kinds(name: str, value) -> str:
    """Say whether `value` is of the interface's own class, where that is not a plain one."""
    return type(value).__name__ if type(value) is type(VALUES[name]) else f"not {type(value)}"


@expose
def echo(value):
    return value


@expose
def named_types(
    a: Colour, b: Level, c: Right, d: Shape, e: Frozen, f: Pair, g: Movie, h: Settings
) -> None:
    """Make the classes known to libraries."""
'''
NAMES = re.findall(r'^    "(\w+)": ', VALUES, re.MULTILINE)
OF_OWN_CLASSES = {
    "dataclass",
    "dict_date_keys",
    "enum",
    "enum_of_tuple",
    "flag",
    "frozen_dataclass",
    "int_enum",
    "mixed",
    "named_tuple",
    "nested_dataclass",
    "pydantic",
}


class Parity(NamedTuple):
    """The same interface file twice: through a sandbox, and imported here."""

    remote: ModuleType
    here: ModuleType


@pytest.fixture(scope="module")
def parity(
    shared: ScopedSandbox,
    tmp_path_factory: pytest.TempPathFactory,
    import_library: Callable[[Library], ModuleType],
) -> Iterator[Parity]:
    file = tmp_path_factory.mktemp("parity") / "values_interface.py"
    file.write_text(VALUES, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("values_here", file)
    assert spec is not None
    assert spec.loader is not None
    here = importlib.util.module_from_spec(spec)
    sys.modules["values_here"] = here
    spec.loader.exec_module(here)
    yield Parity(import_library(shared.serve(file)), here)
    del sys.modules["values_here"]


def anatomy(value: Any) -> Any:
    """Give the value's type by name and all that is in it, comparable even for NaN and arrays."""
    cls = type(value).__name__
    if isinstance(value, Enum):
        return cls, value.name, anatomy(value.value)
    if isinstance(value, np.ndarray | np.generic):
        return cls, value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, torch.Tensor):
        memory = value.detach().resolve_conj().contiguous().reshape(-1).view(torch.uint8)
        return cls, str(value.dtype), tuple(value.shape), value.device.type, memory.tolist()
    if hasattr(value, "_fields"):
        return cls, [(name, anatomy(getattr(value, name))) for name in value._fields]
    if hasattr(value, "__dataclass_fields__") or hasattr(value, "__pydantic_fields__"):
        return cls, [(name, anatomy(part)) for name, part in vars(value).items()]
    if isinstance(value, Mapping):
        return cls, [(anatomy(key), anatomy(part)) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return cls, [anatomy(part) for part in value]
    if isinstance(value, set | frozenset):
        return cls, sorted((anatomy(part) for part in value), key=repr)
    return cls, repr(value), getattr(value, "fold", None)


def test_the_table_of_values_is_the_one_in_the_interface(parity: Parity) -> None:
    assert list(parity.here.VALUES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_call_gives_what_the_function_gives_in_process(parity: Parity, name: str) -> None:
    assert anatomy(parity.remote.get(name)) == anatomy(parity.here.get(name))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_OWN_CLASSES])
def test_an_argument_arrives_as_it_was_sent(parity: Parity, name: str) -> None:
    value = parity.here.get(name)

    assert anatomy(parity.remote.echo(value)) == anatomy(value)
    assert parity.remote.kinds(name, value) == type(value).__name__


@pytest.mark.parametrize("name", sorted(OF_OWN_CLASSES - {"dict_date_keys", "mixed"}))
def test_instances_of_the_librarys_classes_arrive_as_the_interfaces_own(
    parity: Parity, name: str
) -> None:
    value = parity.remote.get(name)

    assert parity.remote.kinds(name, value) == type(parity.here.get(name)).__name__
    assert anatomy(parity.remote.echo(value)) == anatomy(value)


def test_values_of_described_classes_are_instances_of_the_librarys_classes(parity: Parity) -> None:
    remote = parity.remote

    assert remote.get("enum") is remote.Colour.RED
    assert remote.get("dataclass") == remote.Point(1.5, 0.0)
    assert remote.get("named_tuple") == remote.Pair(1, "r")
    assert isinstance(remote.get("nested_dataclass").points[0], remote.Point)


def test_members_of_integer_enums_are_integers_on_this_side_too(parity: Parity) -> None:
    level = parity.remote.get("int_enum")

    assert level == parity.here.get("int_enum") == 2
    assert level + 1 == 3


def test_arrays_and_tensors_that_arrive_can_be_written(parity: Parity) -> None:
    array, tensor = parity.remote.get("array"), parity.remote.get("tensor")

    array[0, 0] = 9
    tensor += 1

    assert array[0, 0] == 9
    assert tensor[0, 0] == 1
    assert parity.remote.get("array")[0, 0] == 0


def test_lists_of_thousands_of_floats_cross_exactly(parity: Parity) -> None:
    floats = [[index / 7 for index in range(4096)] for _ in range(8)]

    assert parity.remote.echo(floats) == floats


def test_sixty_four_megabytes_cross_in_both_directions(parity: Parity) -> None:
    array = np.arange(1 << 24, dtype=np.int32)

    assert np.array_equal(parity.remote.echo(array), array)


STATE = """
import asyncio
import threading
import time

_import_thread = threading.current_thread()
seen = []
count = 0
inside = 0
overlapped = False
calls = 0
lock = None
task = None
ticks = 0


@expose
def remember(value):
    seen.append(value)
    return seen


@expose
def rebind():
    global count, seen
    count += 1
    seen = []
    return count


@expose
def double(x: int) -> int:
    return _private(x)


@expose
def quadruple(x: int) -> int:
    return double(double(x))


def _private(x):
    return 2 * x


def helper(x):
    return x


@expose
def described(a, b=2, *rest, c, d="D", **more):
    return [a, b, list(rest), c, d, more]


@expose
def threads() -> list[bool]:
    here = threading.current_thread()
    return [here is _import_thread, here is threading.main_thread()]


@expose
async def thread_of_async() -> bool:
    return threading.current_thread() is _import_thread


@expose
def running_loop() -> str:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return "none"
    return "one"


@expose
def run_a_loop() -> str:
    async def inner():
        await asyncio.sleep(0)
        return running_loop()

    return asyncio.run(inner())


@expose
async def take_lock() -> None:
    global lock
    lock = lock or asyncio.Lock()
    await lock.acquire()


@expose
async def release_lock() -> bool:
    lock.release()
    async with lock:
        return lock.locked()


@expose
async def start_ticking() -> None:
    global task

    async def tick():
        global ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    task = asyncio.get_running_loop().create_task(tick())


@expose
def tick_count() -> int:
    return ticks


@expose
async def stop_ticking() -> str:
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"


@expose
def busy() -> None:
    global inside, overlapped, calls
    inside += 1
    overlapped = overlapped or inside > 1
    calls += 1
    time.sleep(0.002)
    inside -= 1


@expose
async def busy_async() -> None:
    global inside, overlapped, calls
    inside += 1
    overlapped = overlapped or inside > 1
    calls += 1
    await asyncio.sleep(0.002)
    inside -= 1


@expose
def overlaps():
    return overlapped, calls


@expose
def add(a: int, b: int = 1) -> int:
    return a + b
"""


class Served(NamedTuple):
    """An interface through a session, and through its generated library."""

    session: Session
    library: ModuleType


@pytest.fixture(scope="module")
def state(
    shared: ScopedSandbox,
    interface_file: Callable[[str], Path],
    import_library: Callable[[Library], ModuleType],
) -> Iterator[Served]:
    library = shared.serve(interface_file(STATE))
    session = Session(shared.connection(library.name))
    yield Served(session, import_library(library))
    session.close()


def test_module_state_persists_over_calls(open_session: Callable[[str], Session]) -> None:
    session = open_session(
        """
        seen = []

        @expose
        def remember(value):
            seen.append(value)
            return seen
        """
    )

    assert session.call("remember", [1], {}) == [1]
    assert session.call("remember", ["two"], {}) == [1, "two"]


def test_sessions_share_module_state_and_globals_can_be_rebound(state: Served) -> None:
    first = state.library.rebind()
    state.library.remember("before")

    assert state.session.call("remember", ["x"], {}) == ["before", "x"]
    assert state.session.call("rebind", [], {}) == first + 1
    assert state.library.remember("y") == ["y"]


def test_exposed_functions_call_each_other_and_private_helpers(state: Served) -> None:
    assert state.library.quadruple(3) == 12


@pytest.mark.parametrize("name", ["helper", "_private", "__import__", "seen", "described.__call__"])
def test_only_exposed_functions_can_be_called(state: Served, name: str) -> None:
    with pytest.raises(FunctionMissingError, match=re.escape(name)) as caught:
        state.session.call(name, [1], {})

    assert not caught.value.started
    assert not hasattr(state.library, name)


def test_a_misspelt_function_is_told_its_right_name(state: Served) -> None:
    with pytest.raises(FunctionMissingError, match="did you mean 'quadruple'"):
        state.session.call("quadrupel", [1], {})


def test_defaults_positions_and_names_mean_what_they_mean_in_python(state: Served) -> None:
    described = state.library.described

    assert described(1, c=3) == [1, 2, [], 3, "D", {}]
    assert described(1, 5, 6, 7, c=3, d="d", e=8) == [1, 5, [6, 7], 3, "d", {"e": 8}]
    assert described(b=1, a=2, c=3) == [2, 1, [], 3, "D", {}]
    assert state.session.call("described", [1, 5, 6], {"c": 3}) == [1, 5, [6], 3, "D", {}]
    with pytest.raises(TypeError):
        described(1)


def test_import_and_calls_run_on_the_main_thread(state: Served) -> None:
    assert state.library.threads() == [True, True]
    assert state.library.thread_of_async() is True


def test_sync_functions_see_no_running_loop_and_may_run_their_own(state: Served) -> None:
    assert state.library.running_loop() == "none"
    assert state.library.run_a_loop() == "one"
    assert state.library.running_loop() == "none"


def test_async_functions_share_one_loop(state: Served) -> None:
    state.library.take_lock()
    state.library.run_a_loop()

    assert state.library.release_lock() is True


def test_a_background_task_goes_on_between_calls(
    state: Served, wait_until: Callable[..., None]
) -> None:
    state.library.start_ticking()

    def ticks_meanwhile() -> bool:
        # One call long after the other: the loop runs while nobody calls.
        begun = state.library.tick_count()
        time.sleep(0.3)
        return bool(state.library.tick_count() >= begun + 5)

    wait_until(ticks_meanwhile)
    assert state.library.stop_ticking() == "cancelled"


def test_calls_from_many_threads_run_one_at_a_time(state: Served) -> None:
    before = state.session.call("overlaps", [], {})[1]
    sixteen = threading.Barrier(16)

    def call_often(number: int) -> list[int]:
        sixteen.wait()
        sums = []
        for index in range(10):
            state.session.call("busy_async" if index % 2 else "busy", [], {})
            sums.append(state.library.add(number, index))
        return sums

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(call_often, range(16)))

    assert answers == [[number + index for index in range(10)] for number in range(16)]
    assert state.session.call("overlaps", [], {}) == (False, before + 160)


def test_thousands_of_calls_are_all_answered_in_order(state: Served) -> None:
    assert [state.library.add(index) for index in range(2000)] == list(range(1, 2001))


def test_the_sync_api_works_inside_a_running_event_loop(state: Served) -> None:
    async def main() -> int:
        result: int = state.library.add(1, 2)
        return result

    assert asyncio.run(main()) == 3


def test_the_async_twin_gathers_calls(state: Served) -> None:
    aio = importlib.import_module(f"{state.library.__name__}.aio")

    async def main() -> list[int]:
        return list(await asyncio.gather(*(aio.add(index, b=index) for index in range(200))))

    assert asyncio.run(main()) == [2 * index for index in range(200)]
    # A second loop, as every asyncio.run makes one.
    assert asyncio.run(aio.add(1)) == 2


def test_the_event_loop_goes_on_while_the_async_twin_waits(state: Served) -> None:
    aio = importlib.import_module(f"{state.library.__name__}.aio")

    async def main() -> bool:
        call = asyncio.ensure_future(aio.busy_async())
        turns = 0
        while not call.done():
            await asyncio.sleep(0)
            turns += 1
        return turns > 1

    assert asyncio.run(main())


def test_a_cancelled_await_leaves_the_session_usable(state: Served) -> None:
    aio = importlib.import_module(f"{state.library.__name__}.aio")

    async def main() -> int:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(aio.busy() for _ in range(50))), 0.01)
        result: int = await aio.add(20, 1)
        return result

    assert asyncio.run(main()) == 21


NOISE = """
import os
import sys


@expose
def speak(text: str) -> str:
    print(text, flush=True)
    print(text + " on stderr", file=sys.stderr, flush=True)
    return text


@expose
def shout(byte: str, count: int) -> int:
    sys.stdout.write(byte * count)
    sys.stdout.flush()
    return count


@expose
def raw(data: bytes) -> int:
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
    return os.write(1, data)


@expose
def lines(length: int, count: int) -> int:
    for number in range(count):
        print("=" * length)
    return count


@expose
def read_input() -> str:
    return sys.stdin.read()
"""


@pytest.fixture
def noise(scoped: ScopedSandbox, write: Callable[..., Path]) -> Iterator[Session]:
    session = Session(scoped.connection(scoped.serve(write(NOISE)).name))
    yield session
    session.close()


def test_prints_go_to_the_log_and_nowhere_else(
    scoped: ScopedSandbox,
    noise: Session,
    wait_until: Callable[..., None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert noise.call("speak", ["hello → 🚀 <b>"], {}) == "hello → 🚀 <b>"

    wait_until(lambda: "hello → 🚀 <b> on stderr" in scoped.rpc_logs())
    assert f"[{call_id(noise.id, 1)}] hello → 🚀 <b>" in scoped.rpc_logs().splitlines()
    scoped.show_rpc_logs()
    out, err = capfd.readouterr()
    assert out == ""
    assert "hello → 🚀 <b>" in err


def test_rpc_logs_gives_as_many_lines_as_are_asked_for(
    scoped: ScopedSandbox, noise: Session, wait_until: Callable[..., None]
) -> None:
    for index in range(10):
        noise.call("speak", [f"line {index}"], {})

    wait_until(lambda: "line 9 on stderr" in scoped.rpc_logs())
    last = f"[{call_id(noise.id, 10)}] line 9"
    assert scoped.rpc_logs(2).splitlines() == [last, f"{last} on stderr"]
    assert scoped.rpc_logs(0) == ""


def test_five_megabytes_without_a_newline_disturb_nothing(
    scoped: ScopedSandbox, noise: Session, wait_until: Callable[..., None]
) -> None:
    assert noise.call("shout", ["z", 5 << 20], {}) == 5 << 20
    assert noise.call("speak", ["\nafterwards"], {}) == "\nafterwards"

    wait_until(lambda: "afterwards on stderr" in scoped.rpc_logs())
    assert len(scoped.rpc_logs(1_000_000)) < 2 << 20


def test_invalid_utf_8_in_the_output_disturbs_nothing(
    scoped: ScopedSandbox, noise: Session, wait_until: Callable[..., None]
) -> None:
    data = bytes(range(128, 256)) + b"\xf0\x9f\n"

    assert noise.call("raw", [data], {}) == len(data)
    noise.call("speak", ["afterwards"], {})
    wait_until(lambda: "afterwards on stderr" in scoped.rpc_logs())


def test_the_log_stays_bounded_however_much_is_printed(
    scoped: ScopedSandbox, noise: Session, wait_until: Callable[..., None]
) -> None:
    noise.call("lines", [4000, 8000], {})
    noise.call("speak", ["afterwards"], {})

    wait_until(lambda: "afterwards on stderr" in scoped.rpc_logs())
    assert len(scoped.rpc_logs(1_000_000)) < 10 << 20


def test_standard_input_is_empty(noise: Session) -> None:
    assert noise.call("read_input", [], {}) == ""
