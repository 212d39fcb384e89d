"""Arrow Flight: actions for small calls, DoPut and DoGet with 4 MiB batches for arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import flight

from benchmarks.peers.process import ServerProcess, announce
from benchmarks.peers.protocol import Echo
from benchmarks.peers.service import Service, pack, unpack
from benchmarks.values import Array, make_array

_ROWS = 1 << 20
"""Elements in a batch: one batch for a whole array is up to three times slower."""


class FlightPeer:
    """One client, which threads share."""

    def __init__(self, server: ServerProcess) -> None:
        """Connect."""
        self._server = server
        self._client = flight.connect(server.address)
        self._client.wait_for_available(30)

    def caller(self) -> Echo:
        """Give what one thread makes small calls with."""
        return lambda value: unpack(self._act("echo", pack(value)))

    def take(self, array: Array) -> float:
        """Send an array from where it lies."""
        table = _table(array)
        writer, answers = self._client.do_put(_descriptor(), table.schema)
        with writer:
            writer.write_table(table, max_chunksize=_ROWS)
            writer.done_writing()
            return float(unpack(answers.read().to_pybytes()))

    def prepare(self, count: int) -> None:
        """Have the server make an array."""
        self._act("prepare", pack(count))

    def give(self) -> float:
        """Bring the array here. It stays in batches: to join them would cost a copy."""
        return _last(self._client.do_get(flight.Ticket(b"")).read_all())

    def close(self) -> None:
        """End the client and the server."""
        self._client.close()
        self._server.close()

    def _act(self, name: str, body: bytes) -> bytes:
        (answer,) = self._client.do_action(flight.Action(name, body))
        packed: bytes = answer.body.to_pybytes()
        return packed


def open_peer(folder: Path, variant: str) -> FlightPeer:
    """Open it over "tcp" or "unix"."""
    location = "grpc+tcp://127.0.0.1:0" if variant == "tcp" else f"grpc+unix://{folder}/socket"
    return FlightPeer(ServerProcess(__name__, location))


class Server(flight.FlightServerBase):
    """The functions, as Flight's own verbs."""

    def __init__(self, location: str) -> None:
        """Listen."""
        super().__init__(location)
        self._service = Service()
        self._table = _table(make_array(1))

    def do_action(self, _: Any, action: Any) -> Iterator[Any]:
        """Answer a small call."""
        body = action.body.to_pybytes()
        if action.type == "echo":
            yield flight.Result(pa.py_buffer(self._service.echo(body)))
        else:
            self._table = _table(make_array(unpack(body)))
            yield flight.Result(pa.py_buffer(b""))

    def do_put(self, _: Any, __: Any, reader: Any, writer: Any) -> None:
        """Take an array."""
        writer.write(pa.py_buffer(pack(_last(reader.read_all()))))

    def do_get(self, _: Any, __: Any) -> Any:
        """Give the array that was prepared."""
        batches = self._table.to_batches(max_chunksize=_ROWS)
        return flight.RecordBatchStream(
            pa.RecordBatchReader.from_batches(self._table.schema, batches)
        )


def _descriptor() -> Any:
    return flight.FlightDescriptor.for_path("array")


def _table(array: Array) -> Any:
    return pa.table({"values": pa.array(array)})


def _last(table: Any) -> float:
    return float(table.column(0)[-1].as_py())


def _main(location: str) -> None:
    server = Server(location)
    is_unix = location.startswith("grpc+unix:")
    announce(location if is_unix else f"grpc+tcp://127.0.0.1:{server.port}")
    server.serve()


if __name__ == "__main__":
    _main(sys.argv[1])
