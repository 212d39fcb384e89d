"""Volumes: versions that never change, and what sandboxes make of them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2 as api

from tests.modal_emulator.contents import Contents, place_file
from tests.modal_emulator.tokens import new_id
from tests.modal_emulator.trees import Stamps, clear, copy_entry, copy_tree, remove, stamps

BLOCK = 8 << 20


class Volume:
    """A volume. Each change makes a version, a folder that shares files with the last."""

    def __init__(self, folder: Path, name: str, filesystem: api.VolumeFsVersion.ValueType) -> None:
        """Begin empty."""
        self.id = new_id("vo")
        self.name = name
        self.filesystem = filesystem
        self.latest = 0
        self._folder = folder / self.id
        self._changing = threading.Lock()
        self.head.mkdir(parents=True)

    @property
    def head(self) -> Path:
        """The latest version."""
        return self.version(self.latest)

    def version(self, number: int) -> Path:
        """Give a version."""
        return self._folder / str(number)

    @contextlib.contextmanager
    def change(self) -> Iterator[Path]:
        """Give the next version to change it; files in it are replaced, never written to."""
        draft = self._folder / "draft"
        with self._changing:
            copy_tree(self.head, draft, link=True)
            try:
                yield draft
            except BaseException:
                remove(draft)
                raise
            draft.rename(self.version(self.latest + 1))
            self.latest += 1


class VolumeMount:
    """A volume in one sandbox: a working copy of the version that was the latest."""

    def __init__(self, volume: Volume, definition: api.VolumeMount, folder: Path) -> None:
        """Make the copy in a folder."""
        self.volume = volume
        self.path = definition.mount_path
        self.read_only = definition.read_only
        self.folder = folder
        self._part = definition.sub_path.strip("/")
        self._base: Stamps = {}
        self._changing = threading.RLock()
        folder.mkdir(parents=True)
        self._fill()

    def commit(self) -> None:
        """Make what changed here part of the volume."""
        with self._changing:
            now = stamps(self.folder)
            if self.read_only or now == self._base:
                return
            with self.volume.change() as version:
                self._merge(now, version / self._part)
            self._base = now

    def reload(self) -> None:
        """Commit, and have the latest version here."""
        with self._changing:
            self.commit()
            clear(self.folder)
            self._fill()

    def _merge(self, now: Stamps, version: Path) -> None:
        for path in sorted(self._base.keys() - now.keys(), reverse=True):
            remove(version / path)
        for path in now:
            if now[path] != self._base.get(path):
                with contextlib.suppress(FileNotFoundError):
                    copy_entry(self.folder / path, version / path)

    def _fill(self) -> None:
        # Who cannot write may share.
        copy_tree(self.volume.head / self._part, self.folder, link=self.read_only)
        self._base = stamps(self.folder)


class Volumes:
    """Handles volumes."""

    def __init__(self, folder: Path, contents: Contents) -> None:
        """Keep them in a folder."""
        self.volumes: dict[str, Volume] = {}
        self.room: int | None = None
        """Bytes that sandboxes which start now have in a volume; what they write is lost then."""

        self._folder = folder
        self._contents = contents

    def volume(self, volume_id: str) -> Volume:
        """Give a volume."""
        if volume_id not in self.volumes:
            raise GRPCError(Status.NOT_FOUND, f"Volume {volume_id!r} not found")
        return self.volumes[volume_id]

    async def volume_get_or_create(
        self, request: api.VolumeGetOrCreateRequest
    ) -> api.VolumeGetOrCreateResponse:
        volume = self._named(request.deployment_name)
        if volume is None:
            volume = self._create(request)
        return api.VolumeGetOrCreateResponse(
            volume_id=volume.id, version=volume.filesystem, metadata=_metadata(volume)
        )

    async def volume_get_by_id(
        self, request: api.VolumeGetByIdRequest
    ) -> api.VolumeGetByIdResponse:
        volume = self.volume(request.volume_id)
        return api.VolumeGetByIdResponse(volume_id=volume.id, metadata=_metadata(volume))

    async def volume_put_files(self, request: api.VolumePutFilesRequest) -> Empty:
        with self.volume(request.volume_id).change() as version:
            for file in request.files:
                path = version / file.filename.lstrip("/")
                _check_free(path, request.disallow_overwrite_existing_files)
                place_file(path, self._contents.file(file.sha256_hex).read_bytes(), file.mode)
        return Empty()

    async def volume_put_files2(
        self, request: api.VolumePutFiles2Request
    ) -> api.VolumePutFiles2Response:
        missing = list(self._missing(request))
        if not missing:
            with self.volume(request.volume_id).change() as version:
                for file in request.files:
                    path = version / file.path.lstrip("/")
                    _check_free(path, request.disallow_overwrite_existing_files)
                    place_file(path, self._whole(file), file.mode)
        return api.VolumePutFiles2Response(missing_blocks=missing)

    async def volume_list_files(
        self, request: api.VolumeListFilesRequest
    ) -> AsyncIterator[api.VolumeListFilesResponse]:
        yield api.VolumeListFilesResponse(entries=self._entries(request))

    async def volume_list_files2(
        self, request: api.VolumeListFiles2Request
    ) -> AsyncIterator[api.VolumeListFiles2Response]:
        yield api.VolumeListFiles2Response(entries=self._entries(request))

    async def volume_get_file2(
        self, request: api.VolumeGetFile2Request
    ) -> api.VolumeGetFile2Response:
        volume, path = self.volume(request.volume_id), request.path.lstrip("/")
        file = volume.head / path
        if not file.is_file():
            raise GRPCError(Status.NOT_FOUND, f"{request.path!r} not found")
        size = file.stat().st_size
        place = f"{self._contents.url}/volume/{volume.id}/{volume.latest}"
        urls = [f"{place}/{block}/{path}" for block in range(-(-size // BLOCK))]
        return api.VolumeGetFile2Response(get_urls=urls, size=size, start=0, len=size)

    async def volume_remove_file(
        self, request: api.VolumeRemoveFileRequest | api.VolumeRemoveFile2Request
    ) -> Empty:
        with self.volume(request.volume_id).change() as version:
            path = version / request.path.lstrip("/")
            if not path.exists():
                raise GRPCError(Status.NOT_FOUND, f"{request.path!r} not found")
            remove(path)
        return Empty()

    volume_remove_file2 = volume_remove_file

    async def volume_delete(self, request: api.VolumeDeleteRequest) -> Empty:
        self.volumes.pop(request.volume_id, None)
        return Empty()

    def _named(self, name: str) -> Volume | None:
        found = (volume for volume in self.volumes.values() if name and volume.name == name)
        return next(found, None)

    def _create(self, request: api.VolumeGetOrCreateRequest) -> Volume:
        name = request.deployment_name
        if name and request.object_creation_type == api.OBJECT_CREATION_TYPE_UNSPECIFIED:
            raise GRPCError(Status.NOT_FOUND, f"Volume {name!r} not found")
        volume = Volume(self._folder, name, request.version or api.VOLUME_FS_VERSION_V1)
        self.volumes[volume.id] = volume
        return volume

    def _missing(
        self, request: api.VolumePutFiles2Request
    ) -> Iterator[api.VolumePutFiles2Response.MissingBlock]:
        for index, file in enumerate(request.files):
            for number, block in enumerate(file.blocks):
                digest = block.contents_sha256.hex()
                if not self._contents.file(digest).exists():
                    yield api.VolumePutFiles2Response.MissingBlock(
                        file_index=index,
                        block_index=number,
                        put_url=f"{self._contents.url}/block/{digest}",
                    )

    def _whole(self, file: api.VolumePutFiles2Request.File) -> bytes:
        digests = [block.contents_sha256.hex() for block in file.blocks]
        blocks = [self._contents.file(digest).read_bytes() for digest in digests]
        full = [block.ljust(BLOCK, b"\0") for block in blocks[:-1]]
        return b"".join([*full, *blocks[-1:]]).ljust(file.size, b"\0")

    def _entries(
        self, request: api.VolumeListFilesRequest | api.VolumeListFiles2Request
    ) -> list[api.FileEntry]:
        root = self.volume(request.volume_id).head
        place = root / request.path.strip("/")
        if not place.exists():
            raise GRPCError(Status.NOT_FOUND, f"{request.path!r} not found")
        if place.is_file():
            return [_entry(place, root)]
        found = place.rglob("*") if request.recursive else place.iterdir()
        return [_entry(path, root) for path in sorted(found)]


def _entry(path: Path, root: Path) -> api.FileEntry:
    status = path.lstat()
    kind = api.FileEntry.DIRECTORY if path.is_dir() else api.FileEntry.FILE
    return api.FileEntry(
        path=str(path.relative_to(root)),
        type=api.FileEntry.SYMLINK if path.is_symlink() else kind,
        size=status.st_size,
        mtime=int(status.st_mtime),
    )


def _metadata(volume: Volume) -> api.VolumeMetadata:
    return api.VolumeMetadata(version=volume.filesystem, name=volume.name)


def _check_free(path: Path, is_new: bool) -> None:
    if is_new and path.exists():
        raise GRPCError(Status.ALREADY_EXISTS, f"{path.name} already exists")
