"""Records of calls."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from seer_rpc.journal.arguments import show_arguments
from seer_runtime.wire.call_ids import call_id
from seer_runtime.wire.entries import Entry, Source
from seer_runtime.wire.pb.runtime_pb2 import Failure


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """A call: what it was and how it ended."""

    time: datetime
    """When it began, in UTC."""

    sandbox: str
    interface: str
    function: str
    call_id: str
    """As in the log, and in the error that the call raised."""

    arguments: str
    """As they would stand in the call. A large one is its size and digest; an array or a tensor its
    dtype, shape and size."""

    duration: float | None
    """Seconds; None where the call runs still, or nobody knows."""

    outcome: str
    """"ok", "running", or the kind of failure: "raised", "cancelled", "worker_died"..."""

    exception: str
    """The class that it raised; empty where it raised none."""

    message: str
    effect: str
    """What became of the function: "finished", "interrupted" or "not_started"; empty while nobody
    knows."""

    state: str
    """What became of the interface's module state: "kept", "tainted" or "lost"."""

    epoch: int
    """Which worker ran it: the interface's first, second..."""

    session: str = field(repr=False)

    @property
    def failed(self) -> bool:
        """Whether it ended without a value."""
        return self.outcome not in ("ok", "running", "unknown")

    def to_json(self) -> str:
        """Give it as one line."""
        values = {**dataclasses.asdict(self), "time": self.time.isoformat()}
        return json.dumps(values, ensure_ascii=False)


class Known(NamedTuple):
    """What the journal knows of a call so far."""

    source: Source
    entry: Entry

    @property
    def time(self) -> float:
        """When it began, or when the first was heard of it."""
        return self.entry.began or self.source.time

    @property
    def failed(self) -> bool:
        """Whether it is known to have failed."""
        fault = self.entry.fault
        return fault is not None and fault.kind != Failure.UNSPECIFIED

    def and_then(self, later: Known) -> Known:
        """Add what a later entry says."""
        (_, old), (source, new) = self, later
        says_nothing = new.fault is not None and new.fault.kind == Failure.UNSPECIFIED
        how = old if says_nothing and old.is_over else new
        return Known(
            source,
            Entry(
                *new[:2],
                new.function or old.function,
                new.began or old.began,
                old.duration if new.duration is None else new.duration,
                old.body if new.body is None else new.body,
                old.sizes if new.body is None else new.sizes,
                how.is_over,
                how.fault,
            ),
        )

    def record(self, sandbox: str, is_running: bool) -> CallRecord:
        """Give the record; `is_running` says whether the sandbox is there still."""
        source, entry = self
        fault = entry.fault
        effect = fault.effect if fault else Failure.FINISHED
        return CallRecord(
            time=datetime.fromtimestamp(self.time, UTC),
            sandbox=sandbox,
            interface=source.interface,
            function=entry.function,
            call_id=call_id(entry.session, entry.seq),
            arguments=show_arguments(entry),
            duration=entry.duration,
            outcome=_outcome(entry, is_running),
            exception=fault.exception if fault else "",
            message=fault.message if fault else "",
            effect=_name(Failure.Effect, effect) if entry.is_over else "",
            state=_name(Failure.State, fault.state if fault else Failure.KEPT),
            epoch=source.epoch,
            session=entry.session.hex(),
        )


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which calls are asked for; by default all."""

    interface: str | None = None
    function: str | None = None
    failed: bool | None = None
    """True: those that failed. False: those that did not."""

    since: datetime | timedelta | None = None
    """Those that began since then, or in so much time up to now. A naive time is local."""

    def choose(self, calls: Iterable[Known]) -> list[Known]:
        """Give those that were asked for, the newest last."""
        return sorted(filter(self._wants, calls), key=lambda call: call.time)

    def _wants(self, call: Known) -> bool:
        return (
            self.interface in (None, call.source.interface)
            and self.function in (None, call.entry.function)
            and self.failed in (None, call.failed)
            and call.time >= self._first
        )

    @property
    def _first(self) -> float:
        match self.since:
            case datetime():
                return self.since.timestamp()
            case timedelta():
                return (datetime.now(UTC) - self.since).timestamp()
        return 0.0


def _outcome(entry: Entry, is_running: bool) -> str:
    if not entry.is_over:
        return "running" if is_running else "unknown"
    if entry.fault is None:
        return "ok"
    kind = entry.fault.kind
    return "unknown" if kind == Failure.UNSPECIFIED else _name(Failure.Kind, kind)


def _name(enum: object, number: int) -> str:
    try:
        return str(enum.Name(number)).lower()  # type: ignore[attr-defined]
    except ValueError:
        return str(number)
