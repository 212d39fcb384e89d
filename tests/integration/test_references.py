"""References: values that stay in the worker, and the handles that callers get."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from seer_rpc.client import Ref, Session, TensorRef
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import ArgumentError, SeerError, StateLostError, ValueCrossingError
from seer_rpc.workspace import Library

SOURCE = """
    import numpy as np
    import torch


    @expose
    def ramp(count: int) -> TensorRef:
        return TensorRef(torch.arange(count, dtype=torch.float32))


    @expose
    def array(count: int) -> TensorRef:
        return TensorRef(np.full((2, count), 3 + 4j))


    @expose
    def words(text: str) -> Ref:
        return Ref(text.split())


    @expose
    def many(count: int) -> list[TensorRef]:
        return [TensorRef(torch.full((4,), float(index))) for index in range(count)]


    @expose
    def double(x: torch.Tensor) -> TensorRef:
        return TensorRef(x * 2)


    @expose
    def total(parts: list) -> float:
        return float(sum(part.sum() for part in parts))


    @expose
    def count(values: list[str]) -> int:
        return len(values)


    @expose
    def wrong() -> TensorRef:
        return TensorRef("a text")


    @expose
    def steps(count: int):
        for index in range(count):
            yield TensorRef(torch.full((2,), float(index)))


    @expose
    def die() -> None:
        import os

        os._exit(3)
"""


@pytest.fixture(scope="module")
def session(serve_session: Callable[[str], Session]) -> Session:
    return serve_session(SOURCE)


def test_a_tensor_is_looked_at_without_a_transfer(session: Session) -> None:
    ref = session.call("ramp", [1000], {})
    assert isinstance(ref, TensorRef)
    assert (ref.shape, ref.dtype, ref.device, ref.nbytes) == ((1000,), "float32", "cpu", 4000)
    assert ref.norm() == pytest.approx(float(torch.arange(1000).double().norm()))
    assert "Tensor" in repr(ref)
    assert torch.equal(ref.fetch(), torch.arange(1000).float())


def test_an_array_is_looked_at_too(session: Session) -> None:
    ref = session.call("array", [3], {})
    assert (ref.shape, ref.dtype) == ((2, 3), "complex128")
    assert ref.norm() == pytest.approx(np.sqrt(6 * 25))
    assert np.array_equal(ref.fetch(), np.full((2, 3), 3 + 4j))


def test_any_value_can_stay(session: Session) -> None:
    ref = session.call("words", ["a b c"], {})
    assert type(ref) is Ref
    assert ref.type_name == "list"
    assert session.call("count", [ref], {}) == 3
    assert ref.fetch() == ["a", "b", "c"]


def test_a_handle_is_the_value_as_an_argument_wherever_it_stands(session: Session) -> None:
    ref = session.call("ramp", [4], {})
    doubled = session.call("double", [], {"x": ref})
    assert torch.equal(doubled.fetch(), torch.tensor([0.0, 2.0, 4.0, 6.0]))
    assert session.call("total", [[ref, doubled, torch.ones(2)]], {}) == 6 + 12 + 2


def test_handles_come_in_lists_and_in_streams(session: Session) -> None:
    refs = session.call("many", [3], {})
    assert [float(ref.fetch()[0]) for ref in refs] == [0.0, 1.0, 2.0]
    assert [float(ref.fetch()[0]) for ref in session.call("steps", [3], {})] == [0.0, 1.0, 2.0]


def test_what_a_session_keeps_is_listed_until_it_is_freed(
    session: Session, wait_until: Callable[..., None]
) -> None:
    gc.collect()
    wait_until(lambda: session.references() == [])
    ref = session.call("ramp", [8], {})
    other = session.call("words", ["x"], {})
    assert [each.type_name for each in session.references()] == ["Tensor", "list"]
    assert session.references()[0].shape == [8]
    ref.free()
    wait_until(lambda: [each.type_name for each in session.references()] == ["list"])
    del other
    gc.collect()
    wait_until(lambda: session.references() == [])
    with pytest.raises(ValueCrossingError, match="was freed"):
        session.call("double", [ref], {})


def test_the_handle_of_another_session_is_refused(session: Session, shared: ScopedSandbox) -> None:
    ref = session.call("ramp", [8], {})
    name = session._relay._connection.interface
    with Session(shared.connection(name)) as other:
        with pytest.raises(ValueCrossingError, match="another session"):
            other.call("double", [ref], {})
        assert other.references() == []


def test_what_is_kept_goes_with_its_session(shared: ScopedSandbox, session: Session) -> None:
    name = session._relay._connection.interface
    with Session(shared.connection(name)) as other:
        ref = other.call("ramp", [8], {})
    with pytest.raises(SeerError):
        ref.fetch()


def test_a_handle_cannot_be_copied(session: Session) -> None:
    ref = session.call("ramp", [2], {})
    with pytest.raises(TypeError, match="fetch"):
        copy.copy(ref)
    with pytest.raises(TypeError, match="fetch"):
        pickle.dumps(ref)


def test_a_tensor_reference_to_something_else_is_an_error(session: Session) -> None:
    with pytest.raises(TypeError, match="got str"):
        session.call("wrong", [], {})


def test_a_restart_frees_what_was_kept(serve_session: Callable[[str], Session]) -> None:
    session = serve_session(SOURCE)
    ref = session.call("ramp", [2], {})
    with pytest.raises(SeerError):
        session.call("die", [], {})
    with pytest.raises((StateLostError, ArgumentError)):
        session.call("double", [ref], {})
    with pytest.raises(ArgumentError, match="not valid here"):
        session.call("double", [ref], {})


def test_libraries_name_references_in_their_signatures(
    shared: ScopedSandbox,
    interface_file: Callable[[str], Path],
    import_library: Callable[[Library], ModuleType],
) -> None:
    library = shared.serve(interface_file(SOURCE))
    module = import_library(library)
    ref = module.ramp(5)
    assert isinstance(ref, TensorRef)
    assert torch.equal(module.double(ref).fetch(), torch.arange(5).float() * 2)
    assert "x: _torch.Tensor | _seer_rpc_client.TensorRef" in library.files["__init__.py"].replace(
        "torch.Tensor", "_torch.Tensor"
    ).replace("__torch", "_torch")
