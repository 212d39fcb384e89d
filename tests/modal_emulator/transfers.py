"""Uploads and downloads over HTTP, where contents are too large for a call."""

from __future__ import annotations

import hashlib

from aiohttp import web

from tests.modal_emulator.contents import Contents
from tests.modal_emulator.volumes import BLOCK, Volumes

_LARGEST = 4 << 30


class Transfers:
    """An HTTP server on this machine."""

    def __init__(self, contents: Contents, volumes: Volumes) -> None:
        """Serve these."""
        self._contents = contents
        self._volumes = volumes
        application = web.Application(client_max_size=_LARGEST)
        application.add_routes(
            [
                web.put("/blob/{id}", self._put_blob),
                web.put("/block/{digest}", self._put_block),
                web.get("/volume/{id}/{version}/{block}/{path:.*}", self._get_block),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self) -> str:
        """Listen; gives the URL."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    async def _put_blob(self, request: web.Request) -> web.Response:
        data = await request.read()
        (self._contents.blobs / request.match_info["id"]).write_bytes(data)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return web.Response(headers={"ETag": f'"{etag}"'})

    async def _put_block(self, request: web.Request) -> web.Response:
        # Zeros at a block's end are not sent: the digest may be that of a longer one.
        self._contents.file(request.match_info["digest"]).write_bytes(await request.read())
        return web.Response()

    async def _get_block(self, request: web.Request) -> web.Response:
        where = request.match_info
        volume = self._volumes.volume(where["id"])
        with (volume.version(int(where["version"])) / where["path"]).open("rb") as file:
            file.seek(int(where["block"]) * BLOCK)
            return web.Response(body=file.read(BLOCK))
