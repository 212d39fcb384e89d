"""One call for each item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seer_rpc.client.remote import RemoteInterface
from seer_rpc.client.session import Session
from seer_rpc.client.streams import ResultStream
from seer_rpc.errors import ArgumentError
from seer_rpc.progress import OnProgress


@dataclass(frozen=True)
class Task:
    """What is done with each item."""

    remote: RemoteInterface
    function: str
    is_spread: bool
    """Whether an item is all arguments; else it is the only one."""

    is_repeatable: bool
    """Whether to run twice does no harm."""

    timeout: float | None
    on_progress: OnProgress

    def call(self, session: Session, item: Any) -> Any:
        """Make the call; what it yields is a list. Raises what `Session.call` raises."""
        args, kwargs = self._arguments(item)
        value = session.call(self.function, args, kwargs, self.timeout, self.on_progress)
        return list(value) if isinstance(value, ResultStream) else value

    def _arguments(self, item: Any) -> tuple[list[Any], dict[str, Any]]:
        if not self.is_spread:
            return [item], {}
        match item:
            case dict():
                return [], item
            case tuple() | list():
                return list(item), {}
        raise ArgumentError(
            f"starmap() takes a tuple or a dict of arguments, not a {type(item).__name__}",
            hint="map() takes items that are the only argument",
        )
