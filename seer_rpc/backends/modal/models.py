"""Models for sandboxes on Modal: from the hub or from this machine into a volume."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import modal

from seer_rpc.backends.hub import TOKEN, hugging_face
from seer_rpc.backends.modal.fetching import fetch, look_up
from seer_rpc.backends.modal.problems import translated
from seer_rpc.backends.modal.volumes import (
    is_whole,
    make_volume,
    read_content,
    read_files,
    send,
    volume_name,
)
from seer_rpc.backends.models import (
    FoundModel,
    ModelSource,
    masking,
    model_folder,
    not_hidden,
)
from seer_rpc.errors import ModelNotFoundError
from seer_rpc.locations import cache_folder
from seer_rpc.progress import status
from seer_runtime.wire.hiding import HidingError, copy_without_names

_HUB_ANSWER = 30.0
_COMMIT = re.compile(r"[0-9a-f]{40}")


def bring(source: ModelSource, secrets: Mapping[str, str]) -> FoundModel:
    """Have a model in a volume of its own.

    Raises:
        ModelNotFoundError: it is not to be had.
        ModelFetchError: it does not arrive there.
        SandboxStartError: Modal does not answer, or has no machine to fetch it.
    """
    with translated():
        if source.path is not None:
            return _sent(source, model_folder(source))
        return _fetched(source, _tokens(secrets))


def _sent(source: ModelSource, folder: Path) -> FoundModel:
    with status(f"bringing {source.masked(source.name)} to Modal"), masking(source):
        content = read_content(folder)
        name = volume_name(source, str(folder), content.digest)
        volume = make_volume(name)
        if not is_whole(volume):
            with _sendable(source, folder) as own:
                send(own, content if own is folder else read_files(own), volume)
    return FoundModel(name)


@contextlib.contextmanager
def _sendable(source: ModelSource, folder: Path) -> Iterator[Path]:
    """Give the directory that is sent: without its names, where these are hidden."""
    if source.hidden is None:
        yield folder
        return
    place = cache_folder() / "models"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as own:
        try:
            copy_without_names(folder, Path(own), source.hidden)
        except HidingError as error:
            raise not_hidden(source, error) from None
        yield Path(own)


def _fetched(source: ModelSource, tokens: Sequence[modal.Secret]) -> FoundModel:
    commit = _commit(source, tokens)
    name = volume_name(source, source.repo, f"{source.repo}@{commit}")
    volume = make_volume(name)
    if not is_whole(volume):
        with status(f"fetching {source.masked(source.name)} to Modal"):
            fetch(source, commit, name, volume, tokens)
    return FoundModel(name, commit)


def _commit(source: ModelSource, tokens: Sequence[modal.Secret]) -> str:
    """Give the commit that is wanted; where only Modal has a token, it is asked for from there."""
    try:
        with hugging_face(source, "modal") as hub:
            if source.revision is not None and _COMMIT.fullmatch(source.revision):
                return source.revision
            info = hub.HfApi().model_info(
                source.repo, revision=source.revision, timeout=_HUB_ANSWER
            )
            return str(info.sha)
    except ModelNotFoundError:
        if TOKEN in os.environ or not tokens:
            raise
    with status(f"looking for {source.masked(source.name)} from Modal"):
        return look_up(source, tokens)


def _tokens(secrets: Mapping[str, str]) -> list[modal.Secret]:
    """Give what has the hub's token: for what fetches, not for the sandbox that gets the model."""
    if token := os.environ.get(TOKEN):
        return [modal.Secret.from_dict({TOKEN: token})]
    return [modal.Secret.from_name(secrets[TOKEN])] if TOKEN in secrets else []
