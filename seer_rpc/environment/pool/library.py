"""What a pool serves: functions to map over items, and a library like any other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar, overload

from seer_rpc.client.calls import milliseconds
from seer_rpc.client.connection import Connection
from seer_rpc.client.remote import SERVER_DEFAULT, RemoteInterface
from seer_rpc.environment.pool.mapping import Mapping, Retire
from seer_rpc.environment.pool.outcomes import Outcomes
from seer_rpc.environment.pool.replicas import Replicas
from seer_rpc.environment.pool.task import Task
from seer_rpc.errors import ArgumentError, FunctionMissingError
from seer_rpc.generators import library_docs, library_files
from seer_rpc.workspace import Library
from seer_runtime.wire.outline import outline
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema

T = TypeVar("T")
R = TypeVar("R")

_BESIDE = 16
"""Calls that are on their way to each sandbox, where they run beside each other."""

_IN_TURN = 2
"""Such calls where one runs at a time: the next one is there when it ends."""


class PooledLibrary(Library):
    """An interface that all sandboxes of a pool serve.

    As a library in a workspace its functions call one of the sandboxes; `map` uses all of them.
    """

    def __init__(
        self,
        schema: InterfaceSchema,
        replicas: Replicas,
        connection: Callable[[], Connection],
        retire: Retire,
    ) -> None:
        """Take what is served, by whom, and the way to one of them."""
        super().__init__(schema.name, {})
        self.schema = schema
        self._replicas = replicas
        self._connection = connection
        self._retire = retire
        timeouts = {each.name: each.timeout for each in schema.functions if each.timeout}
        self._remote = RemoteInterface(
            schema.name, schema.hash, "", outline=outline(schema), timeouts=timeouts
        )

    @property
    def connection(self) -> Connection:
        """The way to one of the sandboxes.

        Raises:
            SandboxLostError: none is left.
        """
        return self._connection()

    @property
    def files(self) -> dict[str, str]:
        """The generated package."""
        return library_files(self.schema)

    @property
    def private_files(self) -> dict[str, str]:
        """The connection file. Raises what `connection` raises."""
        return {f"{self.name}.json": self.connection.to_json()}

    @property
    def docs(self) -> str:
        """The signatures and docstrings of the functions."""
        return library_docs(self.schema)

    @property
    def is_single_file(self) -> bool:
        """Generated libraries are packages."""
        return False

    @overload
    def map(
        self,
        function: Callable[[T], R],
        items: Iterable[T],
        *,
        at_once: int | None = None,
        in_order: bool = True,
        timeout: float | None = SERVER_DEFAULT,
    ) -> Outcomes[T, R]: ...
    @overload
    def map(
        self,
        function: str,
        items: Iterable[T],
        *,
        at_once: int | None = None,
        in_order: bool = True,
        timeout: float | None = SERVER_DEFAULT,
    ) -> Outcomes[T, Any]: ...
    def map(
        self,
        function: Callable[..., Any] | str,
        items: Iterable[Any],
        *,
        at_once: int | None = None,
        in_order: bool = True,
        timeout: float | None = SERVER_DEFAULT,
    ) -> Outcomes[Any, Any]:
        """Call a function on each item, in all sandboxes; give what became of each.

        An item goes to the sandbox that has the least to do, and to another one where that is gone
        before the function began, or the function is marked as idempotent or read-only. Any other
        outcome is the item's: an error stops no other item. Items are taken as there is room: two
        for each call that can be on its way.

        Whoever stops to take outcomes makes no more calls, and gives up those on their way.

        Args:
            function: Its name, or the function itself of the generated library, whose types the
                values have then.
            items: What it takes, each its only argument.
            at_once: Calls that are on their way to each sandbox; by default 16 where the function
                runs beside itself, else 2.
            in_order: Whether outcomes come in the order of the items, or as they are there.
            timeout: Seconds that each call may take; None for any time, whatever the interface
                says.

        Raises:
            FunctionMissingError: the interface has no such function.
            SandboxError: this process is a fork of the one that owns the pool.
            ArgumentError: `at_once` is less than 1, or no call can take that long.
        """
        return self._map(function, items, False, at_once, in_order, timeout)

    @overload
    def starmap(
        self,
        function: Callable[..., R],
        items: Iterable[T],
        *,
        at_once: int | None = None,
        in_order: bool = True,
        timeout: float | None = SERVER_DEFAULT,
    ) -> Outcomes[T, R]: ...
    @overload
    def starmap(
        self,
        function: str,
        items: Iterable[T],
        *,
        at_once: int | None = None,
        in_order: bool = True,
        timeout: float | None = SERVER_DEFAULT,
    ) -> Outcomes[T, Any]: ...
    def starmap(
        self,
        function: Callable[..., Any] | str,
        items: Iterable[Any],
        *,
        at_once: int | None = None,
        in_order: bool = True,
        timeout: float | None = SERVER_DEFAULT,
    ) -> Outcomes[Any, Any]:
        """Do as `map` where an item is several arguments: a tuple, or a dict of them by name."""
        return self._map(function, items, True, at_once, in_order, timeout)

    def _map(
        self,
        function: Callable[..., Any] | str,
        items: Iterable[Any],
        is_spread: bool,
        at_once: int | None,
        in_order: bool,
        timeout: float | None,
    ) -> Outcomes[Any, Any]:
        self._replicas.check_process()
        if at_once is not None and at_once < 1:
            raise ArgumentError(f"map() makes at least one call at once, not {at_once}")
        remote, described = self._find(function)
        limit, on_progress = remote.limits(described.name)
        if timeout is not SERVER_DEFAULT:
            milliseconds(timeout)
            limit = timeout
        task = Task(
            remote,
            described.name,
            is_spread,
            described.is_idempotent or described.is_read_only,
            limit,
            on_progress or _unheard,
        )
        usual = _BESIDE if described.is_concurrent else _IN_TURN
        mapping: Mapping[Any, Any] = Mapping(
            self._replicas, task, at_once or usual, in_order, self._retire
        )
        return Outcomes(mapping, items, described.name)

    def _find(self, function: Callable[..., Any] | str) -> tuple[RemoteInterface, Function]:
        """Give what calls a function, and what is known of it."""
        name = function if isinstance(function, str) else getattr(function, "__qualname__", "")
        remote = self._remote if isinstance(function, str) else _remote_of(function)
        if remote is None or remote.name != self.name:
            raise ArgumentError(
                f"{function!r} is no function of the library {self.name!r}",
                hint="give the name of one; starmap() takes several arguments",
            )
        described = next((each for each in self.schema.functions if each.name == name), None)
        if described is None:
            known = ", ".join(each.name for each in self.schema.functions)
            raise FunctionMissingError(f"{self.name} has no function {name!r}; it has: {known}")
        return remote, described


def _remote_of(function: Callable[..., Any]) -> RemoteInterface | None:
    """Give what a function of a generated library calls."""
    names = getattr(function, "__globals__", {})
    return next((each for each in names.values() if isinstance(each, RemoteInterface)), None)


def _unheard(
    call: Hashable, name: str, done: float | None, total: float | None, message: str
) -> None:
    """Show nothing: there may be hundreds of calls."""
