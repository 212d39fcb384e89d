"""The emulator: all servers, on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grpclib import GRPCError, Status
from modal_proto import api_grpc, task_command_router_grpc
from modal_proto import api_pb2 as api

from seer_rpc.backends.certificates import Certificates
from tests.modal_emulator.apps import Apps, Secrets
from tests.modal_emulator.catalogue import Catalogue
from tests.modal_emulator.contents import Contents
from tests.modal_emulator.faults import Faults
from tests.modal_emulator.images import Images
from tests.modal_emulator.log import Log
from tests.modal_emulator.machine import Machine, write_tools
from tests.modal_emulator.router import Router
from tests.modal_emulator.sandbox import Sandbox, Site
from tests.modal_emulator.sandboxes import Sandboxes
from tests.modal_emulator.service import HOST, Listener, Service
from tests.modal_emulator.tokens import Tokens, new_id
from tests.modal_emulator.transfers import Transfers
from tests.modal_emulator.volumes import Volumes


class ModalEmulator:
    """Stands for Modal: `environment` has the real client talk to it.

    Attributes:
        environment: Variables for the processes that use the client.
        log: Every call that came.
        faults: What is to go wrong.
        images: Images by id, and which layers are to fail.
        secrets: Values of secrets by id.
        volumes: Volumes by id, and how much room there is.
        reachable: Ports of this machine that sandboxes reach, at the same port of their 127.0.0.1;
            for those that start later.
        token_lifetime: Seconds that a token for the command router is good for.
    """

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        """Keep everything in a folder; tunnels have the server's certificate."""
        certificate = folder / "tunnel.pem"
        certificate.write_text(certificates.server.certificate + certificates.server.key)
        certificate.chmod(0o600)
        self.environment = {
            "MODAL_TOKEN_ID": new_id("ak"),
            "MODAL_TOKEN_SECRET": new_id("as"),
            "MODAL_DISABLE_API_PROXY": "1",
            "NO_PROXY": f"{HOST},localhost",
        }
        self.token_lifetime = 1200.0
        self.log = Log()
        self.faults = Faults()
        self.reachable: set[int] = set()
        self.secrets = Secrets()
        self._contents = Contents(folder / "contents")
        self.images = Images(folder / "images", self._contents)
        self.volumes = Volumes(folder / "volumes", self._contents)
        self._tokens = Tokens()
        self._apps = Apps(self._tokens)
        tools = write_tools(folder / "tools")
        site = Site(
            folder / "sandboxes",
            tools,
            certificate,
            self._contents,
            self.volumes,
            self.log,
            self.reachable,
        )
        self._sandboxes = Sandboxes(site, self.secrets, self.images, self._grant)
        self._urls: list[str] = []
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="modal-emulator", daemon=True)

    def __enter__(self) -> Self:
        """Start, and give the emulator itself."""
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End, and with it every sandbox."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    @property
    def sandboxes(self) -> dict[str, Sandbox]:
        """All sandboxes by id, also those that have ended; to look at."""
        return self._sandboxes.sandboxes

    @property
    def running(self) -> list[Sandbox]:
        """The sandboxes that have not ended."""
        return [one for one in tuple(self.sandboxes.values()) if not one.ended.is_set()]

    @property
    def machine(self) -> Machine:
        """What the one sandbox that has not ended runs in."""
        (machine,) = [one.machine for one in self.running]
        assert machine is not None
        return machine

    def schedule_after(self, seconds: float) -> None:
        """Have sandboxes wait for a machine."""
        self._sandboxes.delay = seconds

    def lose(self, sandbox_id: str) -> None:
        """End a sandbox as one whose machine is lost."""
        status = api.GenericResult.GENERIC_STATUS_INTERNAL_FAILURE
        end = self.sandboxes[sandbox_id].end(status)
        asyncio.run_coroutine_threadsafe(end, self._loop).result()

    # On the thread.

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        async with AsyncExitStack() as ends:
            transfers = Transfers(self._contents, self.volumes)
            ends.push_async_callback(transfers.stop)
            self._contents.url = await transfers.start()
            for service in self._services():
                listener = Listener(service)
                self._urls.append(await listener.listen())
                ends.push_async_callback(listener.stop)
            self.environment["MODAL_SERVER_URL"] = self._urls[0]
            # The last to be pushed ends first: sandboxes, while their clients can be told.
            ends.push_async_callback(self._sandboxes.end_all)
            self._ready.set_result(None)
            await self._stopped.wait()

    def _services(self) -> Iterator[Service]:
        handlers = [self._apps, self.secrets, self._contents, self.images, self.volumes]
        yield Service(
            api_grpc.ModalClientBase,
            [*handlers, self._sandboxes, Catalogue(self._sandboxes, self._apps)],
            self._check_client,
            self.log,
            self.faults,
        )
        yield Service(
            task_command_router_grpc.TaskCommandRouterBase,
            [Router(self._sandboxes, self.secrets, self.images)],
            self._check_router,
            self.log,
            self.faults,
        )

    def _grant(self, task_id: str) -> api.CommandRouterAccess:
        token = self._tokens.issue(task_id, self.token_lifetime)
        return api.CommandRouterAccess(url=self._urls[1], jwt=token)

    def _check_client(self, method: str, metadata: Any) -> None:
        given = metadata.get("x-modal-token-id"), metadata.get("x-modal-token-secret")
        if given != (self.environment["MODAL_TOKEN_ID"], self.environment["MODAL_TOKEN_SECRET"]):
            raise GRPCError(Status.UNAUTHENTICATED, "Token ID or secret is wrong")
        token = metadata.get("x-modal-auth-token", "")
        if method.endswith("V2") and not self._tokens.is_good(token):
            raise GRPCError(Status.UNAUTHENTICATED, "the auth token has expired")

    def _check_router(self, _: str, metadata: Any) -> None:
        token = metadata.get("authorization", "").removeprefix("Bearer ")
        if not self._tokens.is_good(token):
            raise GRPCError(Status.UNAUTHENTICATED, "the token has expired")
