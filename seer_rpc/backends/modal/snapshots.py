"""Snapshots on Modal: images that it keeps until they are deleted."""

from __future__ import annotations

import contextlib
from functools import partial

import modal
from modal import exception, experimental

from seer_rpc.backends.modal.deadlines import within
from seer_rpc.errors import BackendError, SnapshotError

_TAKING = 600
_DELETING = 60.0


def keep(sandbox: modal.Sandbox) -> str:
    """Have Modal keep all files of a sandbox; gives the image's id.

    Raises:
        SnapshotError: Modal does not.
    """
    try:
        # Without a time to live: it stays until it is deleted, as one on this machine does.
        keep_files = partial(sandbox.snapshot_filesystem, timeout=_TAKING, ttl=None)
        return within(_TAKING, keep_files, _drop).object_id
    except (exception.Error, TimeoutError) as error:
        raise SnapshotError(
            f"Modal keeps no snapshot of the sandbox: {error or 'it does not answer'}",
            hint="try again; large folders of files that can be made again are better removed",
        ) from error


def _drop(image: modal.Image) -> None:
    # Nobody knows of it, and it would stay for good.
    with contextlib.suppress(BackendError):
        delete(image.object_id)


def delete(image: str) -> None:
    """Have Modal delete an image; one that it does not know is gone already.

    Raises:
        BackendError: Modal does not.
    """
    try:
        with contextlib.suppress(exception.NotFoundError):
            within(_DELETING, partial(experimental.image_delete, image))
    except (exception.Error, TimeoutError) as error:
        raise BackendError(
            f"Modal does not delete image {image}, which a snapshot is kept as: "
            f"{error or 'it does not answer'}",
            hint="try again; the snapshot stays written down until then",
        ) from error
