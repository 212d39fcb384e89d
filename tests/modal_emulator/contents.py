"""Uploaded files by their digest, and mounts: which of them lie where."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as api

from tests.modal_emulator.tokens import new_id


class MountedFile(NamedTuple):
    """A file of a mount."""

    path: str
    digest: str
    mode: int


class Contents:
    """Handles uploads; `blobs` takes those that come over HTTP."""

    def __init__(self, folder: Path) -> None:
        """Keep all in a folder."""
        self.blobs = folder / "blobs"
        self.url = ""
        """Where uploads over HTTP go."""

        self._files = folder / "files"
        self._mounts: dict[str, list[MountedFile]] = {}
        for place in (self.blobs, self._files):
            place.mkdir(parents=True)

    def file(self, digest: str) -> Path:
        """Give the file with this digest, there or not."""
        return self._files / digest

    def add(self, digest: str, data: bytes) -> None:
        """Keep what was uploaded."""
        if hashlib.sha256(data).hexdigest() != digest:
            raise GRPCError(Status.INVALID_ARGUMENT, "the content has another digest")
        self.file(digest).write_bytes(data)

    def place(self, mount_id: str, root: Path) -> None:
        """Put a mount's files where they belong under a root."""
        if mount_id not in self._mounts:
            raise GRPCError(Status.NOT_FOUND, f"Mount {mount_id!r} not found")
        for path, digest, mode in self._mounts[mount_id]:
            place_file(root / path.lstrip("/"), self.file(digest).read_bytes(), mode)

    async def mount_batched_check_existence(
        self, request: api.MountBatchedCheckExistenceRequest
    ) -> api.MountBatchedCheckExistenceResponse:
        missing = [digest for digest in request.sha256_hex_hashes if not self.file(digest).exists()]
        return api.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    async def mount_put_file(self, request: api.MountPutFileRequest) -> api.MountPutFileResponse:
        if request.data_blob_id:
            self.add(request.sha256_hex, (self.blobs / request.data_blob_id).read_bytes())
        elif request.WhichOneof("data_oneof") == "data":
            self.add(request.sha256_hex, request.data)
        return api.MountPutFileResponse(exists=self.file(request.sha256_hex).exists())

    async def mount_get_or_create(
        self, request: api.MountGetOrCreateRequest
    ) -> api.MountGetOrCreateResponse:
        files = sorted(MountedFile(one.filename, one.sha256_hex, one.mode) for one in request.files)
        name = request.deployment_name if not files else ""
        digest = hashlib.sha256(json.dumps([name, files]).encode()).hexdigest()
        mount_id = f"mo-{digest[:22]}"
        self._mounts[mount_id] = files
        metadata = api.MountHandleMetadata(content_checksum_sha256_hex=digest)
        return api.MountGetOrCreateResponse(mount_id=mount_id, handle_metadata=metadata)

    async def blob_create(self, _: api.BlobCreateRequest) -> api.BlobCreateResponse:
        blob_id = new_id("bl")
        urls = api.UploadUrlList(items=[f"{self.url}/blob/{blob_id}"])
        return api.BlobCreateResponse(upload_urls=urls, blob_ids=[blob_id])


def place_file(path: Path, data: bytes, mode: int = 0) -> None:
    """Write a file anew: others may share the one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(mode or 0o644)
