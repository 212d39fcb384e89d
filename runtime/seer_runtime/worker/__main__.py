"""Start a worker: `python -m seer_runtime.worker CALLS REQUESTS FRONT_PID`, by the front alone."""

from __future__ import annotations

import faulthandler
import socket
import sys

from seer_runtime.failures import describe_load_failure
from seer_runtime.processes import die_with_parent
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.pb.runtime_pb2 import LoadRequest
from seer_runtime.worker.courier import Courier
from seer_runtime.worker.executor import Executor
from seer_runtime.worker.interface import Interface
from seer_runtime.worker.link import FrontLink
from seer_runtime.worker.reporter import ProgressReporter


def main(calls: int, requests: int, front: int) -> None:
    """Load the interface that the first frame names, then answer calls.

    `calls` and `requests` are descriptors of sockets to the front.
    """
    die_with_parent(front)
    # Of the other threads, ours among them, nobody wants to read.
    faulthandler.enable(all_threads=False)
    link, courier = _link(calls), Courier(_link(requests))
    request = link.receive()
    if request is None:
        return
    try:
        reporter = ProgressReporter(link)
        interface = Interface(LoadRequest.FromString(bytes(request.body)), reporter.progress)
    except BaseException as error:  # noqa: BLE001 - the user's module may raise anything
        link.send(Frame(Kind.ERROR, body=describe_load_failure(error).SerializeToString()))
        return
    link.send(Frame(Kind.LOADED, body=interface.schema.SerializeToString()))
    Executor(link, courier, reporter, interface).run()


def _link(descriptor: int) -> FrontLink:
    connection = socket.socket(fileno=descriptor)
    # What the interface starts must not hold the front's socket open.
    connection.set_inheritable(False)
    return FrontLink(connection)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
