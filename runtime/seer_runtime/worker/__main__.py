"""Start a worker: `python -m seer_runtime.worker JOURNAL CALLS REQUESTS SOCKET LEDGER FRONT_PID`.

By the front alone, which gives the folder of the journal, or nothing, by its path, and sockets and
a file by their descriptors.
"""

from __future__ import annotations

import faulthandler
import os
import socket
import sys

from seer_runtime.failures import describe_load_failure
from seer_runtime.methods import Function
from seer_runtime.processes import die_with_parent
from seer_runtime.references import Ref, TensorRef
from seer_runtime.secrecy import SECRECY
from seer_runtime.wire.blocks import BlockPool
from seer_runtime.wire.channels import Peer
from seer_runtime.wire.frames import Frame, Kind
from seer_runtime.wire.ledger import LedgerWriter
from seer_runtime.wire.media import Media
from seer_runtime.wire.pb.runtime_pb2 import LoadRequest
from seer_runtime.wire.sockets import FrameSocket
from seer_runtime.worker.arena import Arena
from seer_runtime.worker.connections import Home
from seer_runtime.worker.courier import Courier
from seer_runtime.worker.executor import Executor
from seer_runtime.worker.inbox import Inbox
from seer_runtime.worker.interface import Interface
from seer_runtime.worker.journal import CallJournal
from seer_runtime.worker.output import mark_lines
from seer_runtime.worker.reporter import ProgressReporter
from seer_runtime.worker.running import RunningCalls
from seer_runtime.worker.sessions import Sessions


def main(journal: str, calls: int, requests: int, listening: int, ledger: int, front: int) -> None:
    """Load the interface that the first frame names, then answer calls."""
    die_with_parent(front)
    mark_lines()
    # Of the other threads, ours among them, nobody wants to read.
    faulthandler.enable(all_threads=False)
    pool = BlockPool()
    arena = Arena(pool)
    home = Home(FrameSocket(_socket(calls)), Peer(pool))
    sessions = Sessions(pool)
    os.set_inheritable(ledger, False)
    running = RunningCalls(LedgerWriter(ledger), sessions, CallJournal(journal))
    inbox = Inbox(home)
    courier = Courier(
        FrameSocket(_socket(requests)), _socket(listening), home, inbox, sessions, running
    )
    try:
        request = home.receive()
    except EOFError:
        return
    # The session of the frame that loads is the secret of the invitations.
    courier.start(request.session)
    try:
        tools: dict[str, Function] = {
            "progress": ProgressReporter().progress,
            "empty": arena.empty,
            "Ref": Ref,
            "TensorRef": TensorRef,
            "Media": Media,
        }
        interface = Interface(LoadRequest.FromString(bytes(request.body)), tools, sessions)
    except BaseException as error:  # noqa: BLE001 - the user's module may raise anything
        home.send(Frame(Kind.ERROR, body=describe_load_failure(error).SerializeToString()))
        return
    running.know(each.name for each in interface.schema.functions)
    running.journal.start(interface.schema.name, request.epoch, running.all)
    schema = SECRECY.content(interface.schema.SerializeToString(), "what the interface says of it")
    home.send(Frame(Kind.LOADED, body=schema))
    Executor(home, inbox, running, arena, interface).run()


def _socket(descriptor: int) -> socket.socket:
    connection = socket.socket(fileno=descriptor)
    # What the interface starts must not hold the front's socket open.
    connection.set_inheritable(False)
    return connection


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
