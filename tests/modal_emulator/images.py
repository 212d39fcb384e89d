"""Images: their layers as they were asked for, the files that they bring and what they set."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2 as api

from tests.modal_emulator.apps import BUILDER
from tests.modal_emulator.contents import Contents, place_file
from tests.modal_emulator.tokens import new_id
from tests.modal_emulator.trees import copy_entry, copy_tree

_PATH = "/usr/local/bin:/usr/bin:/bin"
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


@dataclass
class Image:
    """An image as it was defined."""

    root: Path
    """The files that it brings."""

    layers: list[str] = field(default_factory=list)
    """The lines of the Dockerfile that it would be, from its base on."""

    environment: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    workdir: str = "/root"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


class Images:
    """Handles images."""

    def __init__(self, folder: Path, contents: Contents) -> None:
        """Keep their files in a folder."""
        self.images: dict[str, Image] = {}
        self.broken: dict[str, str] = {}
        """What the build of a layer that contains the key fails with."""

        self._folder = folder
        self._contents = contents

    def image(self, image_id: str) -> Image:
        """Give an image."""
        if image_id not in self.images:
            raise GRPCError(Status.NOT_FOUND, f"Image {image_id!r} not found")
        return self.images[image_id]

    def snapshot(self, image: Image, root: Path) -> str:
        """Make an image of what became of a sandbox's files; gives its id."""
        image_id = new_id("im")
        made = replace(image, root=self._folder / image_id, layers=[*image.layers, "# snapshot"])
        copy_tree(root, made.root)
        self.images[image_id] = made
        return image_id

    async def image_get_or_create(
        self, request: api.ImageGetOrCreateRequest
    ) -> api.ImageGetOrCreateResponse:
        digest = hashlib.sha256(request.image.SerializeToString(deterministic=True)).hexdigest()
        image_id = f"im-{digest[:22]}"
        lines = list(request.image.dockerfile_commands)
        for part, message in self.broken.items():
            if any(part in line for line in lines):
                result = _result(api.GenericResult.GENERIC_STATUS_FAILURE, message)
                return api.ImageGetOrCreateResponse(image_id=image_id, result=result)
        if image_id not in self.images:
            self.images[image_id] = self._build(request.image, self._folder / image_id)
        return api.ImageGetOrCreateResponse(
            image_id=image_id,
            result=_result(api.GenericResult.GENERIC_STATUS_SUCCESS),
            metadata=self._metadata(image_id),
        )

    async def image_from_id(self, request: api.ImageFromIdRequest) -> api.ImageFromIdResponse:
        metadata = self._metadata(request.image_id)
        return api.ImageFromIdResponse(image_id=request.image_id, metadata=metadata)

    async def image_delete(self, request: api.ImageDeleteRequest) -> Empty:
        self.image(request.image_id)
        del self.images[request.image_id]
        return Empty()

    def _build(self, definition: api.Image, root: Path) -> Image:
        image = Image(root)
        root.mkdir(parents=True)
        for base in definition.base_images:
            image = replace(self.image(base.image_id), root=root)
            image.layers, image.environment = list(image.layers), dict(image.environment)
            copy_tree(self.image(base.image_id).root, root)
        context = self._context(definition, root.with_name(f"{root.name}-context"))
        for line in definition.dockerfile_commands:
            if not (definition.base_images and line.startswith("FROM ")):
                image.layers.append(line)
            word, _, rest = line.strip().partition(" ")
            if word.upper() in _INSTRUCTIONS:
                _INSTRUCTIONS[word.upper()](image, rest, context)
        return image

    def _context(self, definition: api.Image, folder: Path) -> Path:
        folder.mkdir()
        for file in definition.context_files:
            place_file(folder / file.filename.lstrip("/"), file.data)
        if definition.context_mount_id:
            self._contents.place(definition.context_mount_id, folder)
        return folder

    def _metadata(self, image_id: str) -> api.ImageMetadata:
        return api.ImageMetadata(
            python_version_info=".".join(map(str, sys.version_info[:3])),
            image_builder_version=BUILDER,
            workdir=self.image(image_id).workdir,
        )


def _set(image: Image, rest: str, _: Path) -> None:
    for word in shlex.split(rest):
        name, _equals, value = word.partition("=")
        image.environment[name] = _VARIABLE.sub(
            lambda match: image.environment.get(match[1] or match[2], ""), value
        )


def _change_folder(image: Image, rest: str, _: Path) -> None:
    image.workdir = str(Path(image.workdir, *shlex.split(rest)))


def _copy(image: Image, rest: str, context: Path) -> None:
    if "--from=" in rest:
        # From another image, which is not here.
        return
    *sources, target = [word for word in shlex.split(rest) if not word.startswith("--")]
    place = image.root / str(Path(image.workdir, target)).lstrip("/")
    for source in sources:
        for found in sorted(context.glob(source.strip("/"))) if source != "." else [context]:
            if found.is_dir():
                copy_tree(found, place)
            else:
                copy_entry(found, place / found.name if target.endswith("/") else place)


def _set_entrypoint(image: Image, rest: str, _: Path) -> None:
    image.entrypoint = _words(rest)


def _set_command(image: Image, rest: str, _: Path) -> None:
    image.command = _words(rest)


def _words(rest: str) -> list[str]:
    if rest.startswith("["):
        words: list[str] = json.loads(rest)
        return words
    return ["/bin/sh", "-c", rest]


_INSTRUCTIONS: dict[str, Callable[[Image, str, Path], None]] = {
    "ENV": _set,
    "WORKDIR": _change_folder,
    "COPY": _copy,
    "ENTRYPOINT": _set_entrypoint,
    "CMD": _set_command,
}


def _result(
    status: api.GenericResult.GenericStatus.ValueType, message: str = ""
) -> api.GenericResult:
    return api.GenericResult(status=status, exception=message)
