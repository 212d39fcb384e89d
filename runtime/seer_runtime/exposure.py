"""What `@expose` marks: functions, and classes as groups of functions."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import keyword
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

from seer_runtime.methods import Function, check_class, is_method, make_methods, plain_function
from seer_runtime.wire.names import did_you_mean


@dataclass(frozen=True)
class Options:
    """How an exposed function is to be run."""

    concurrent: bool = False
    """Beside other calls: async functions on the shared loop, others on threads of their own."""

    batch: bool = False
    """Once for several calls, which it takes and answers as lists."""

    max_batch: int = 16
    """Calls that are taken together."""

    max_wait_ms: float = 5.0
    """Milliseconds to wait for more calls."""

    idempotent: bool = False
    """To run twice does no harm: a call that was cut off may be sent again."""

    read_only: bool = False
    """It changes nothing, neither in the interface nor outside."""

    destructive: bool = False
    """It may lose or overwrite something that cannot be brought back."""

    timeout: float | None = None
    """Seconds that a call should take at most; callers may give another limit."""

    is_async: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: it cannot.
        """
        if self.batch and self.concurrent:
            raise ValueError("@expose: a function is either concurrent or takes batches")
        if self.max_batch < 1 or self.max_wait_ms < 0:
            raise ValueError("@expose: max_batch is at least 1, max_wait_ms at least 0")
        if self.read_only and self.destructive:
            raise ValueError("@expose: a function is either read-only or destructive")
        if self.timeout is not None and self.timeout <= 0:
            raise ValueError("@expose: timeout is more than 0 seconds")


def read_options(options: Mapping[str, Any]) -> Options:
    """Give the options that `@expose` was given.

    Raises:
        TypeError: there is no such option.
        ValueError: one excludes another.
    """
    known = [each.name for each in dataclasses.fields(Options) if each.name != "is_async"]
    for name in options:
        if name not in known:
            guess = did_you_mean(name, known)
            raise TypeError(f"@expose has no option {name!r}{guess}; there are: {', '.join(known)}")
    return Options(**options)


class Exposure:
    """The functions and classes that an interface exposes, in the order of their definition."""

    def __init__(self) -> None:
        """Begin with none."""
        self._marked: dict[str, Function | type] = {}
        self._options: dict[str, Mapping[str, Any]] = {}
        self._methods: dict[Function, Mapping[str, Any]] = {}

    @overload
    def expose(self, function: Function) -> Function: ...
    @overload
    def expose(self, **options: Any) -> Callable[[Function], Function]: ...
    def expose(
        self, function: Function | None = None, **options: Any
    ) -> Function | Callable[[Function], Function]:
        """Mark a function or a class as callable from outside; gives it itself back.

        A method is marked to give it options of its own.

        Raises:
            TypeError: it is neither, its name cannot be called from outside, there is no such
                option, or a class cannot be made without arguments or has nothing to call.
            ValueError: another module exposes something of this name, or options exclude others.
        """
        if function is None:
            return functools.partial(self.expose, **options)
        if not isinstance(function, type) and not inspect.isroutine(function):
            kind = type(function).__name__
            raise TypeError(f"@expose marks functions and classes; {function!r} is a {kind}")
        if is_method(function):
            read_options(options)
            self._methods[plain_function(function)] = options
            return function
        name = function.__name__
        if not name.isidentifier() or keyword.iskeyword(name):
            raise TypeError(f"{name!r} is no name that callers could use; expose a named function")
        if isinstance(function, type):
            check_class(function)
        self._take(name, function, options)
        return function

    def _take(self, name: str, marked: Function | type, options: Mapping[str, Any]) -> None:
        other = self._marked.get(name)
        if other is not None and other.__module__ != marked.__module__:
            raise ValueError(
                f"{marked.__module__} and {other.__module__} both expose {name!r}; rename one"
            )
        if other is not None and isinstance(other, type) != isinstance(marked, type):
            raise ValueError(f"a class and a function are both exposed as {name!r}; rename one")
        read_options(options)
        self._marked[name] = marked
        self._options[name] = options

    def finish(self, modules: Collection[str]) -> Exposed:
        """Make the instance of each class, and give what is exposed.

        What classes inherit counts where it is from one of the `modules`.

        Raises:
            TypeError: the class of a method that was marked is not marked itself.
            BaseException: whatever the constructor of a class raises.
        """
        exposed = Exposed({}, {}, [])
        found: set[Function] = set()
        for name, marked in self._marked.items():
            if not isinstance(marked, type):
                exposed.add(name, marked, self._options[name])
                continue
            exposed.groups.append(marked)
            for method in make_methods(marked, modules):
                found.add(method.definition)
                options = {**self._options[name], **self._methods.get(method.definition, {})}
                exposed.add(f"{name}.{method.name}", method.function, options)
        for definition in self._methods.keys() - found:
            raise TypeError(
                f"{definition.__qualname__} (line {definition.__code__.co_firstlineno}) is marked "
                "with @expose, and its class is not, or it is no public method of it; "
                "put @expose above the class, too"
            )
        return exposed


class Exposed(NamedTuple):
    """What an interface exposes."""

    functions: dict[str, Function]
    options: dict[str, Options]
    groups: list[type]
    """Classes, whose methods are functions called "Class.method"."""

    def add(self, name: str, function: Function, options: Mapping[str, Any]) -> None:
        """Add a function."""
        is_async = inspect.iscoroutinefunction(function)
        self.functions[name] = function
        self.options[name] = dataclasses.replace(read_options(options), is_async=is_async)
