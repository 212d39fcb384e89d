"""Fetch a model from the Hugging Face hub: `python -m ... REPO COMMIT FOLDER [NAME...]`.

What arrives is left without the names, where any are given.

`python -m ... REPO [REVISION]` says which commit that is. Run again after it was ended, it goes on
with the files that are not whole yet.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from huggingface_hub import HfApi, errors, snapshot_download
from huggingface_hub.hf_api import RepoFile

from seer_runtime.wire.fetches import MARKER, FetchEnd, FetchReport
from seer_runtime.wire.hiding import HidingError, Names, clean

_PERIOD = 1.0
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOTES = Path(".cache", "huggingface")
"""Where the hub's library keeps what it knows of files, and those that are not whole."""


def fetch(repo: str, commit: str, folder: Path, hidden: Sequence[str] = ()) -> None:
    """Have a repository's files in a folder, and at last the marker.

    Raises:
        HidingError: the model cannot be hidden.
    """
    files = HfApi().list_repo_tree(repo, recursive=True, revision=commit)
    total = sum(file.size for file in files if isinstance(file, RepoFile))
    with _telling(folder, total):
        snapshot_download(repo, revision=commit, local_dir=folder)
    shutil.rmtree(folder / _NOTES, ignore_errors=True)
    with contextlib.suppress(OSError):
        # The repository may have such a folder itself.
        (folder / _NOTES).parent.rmdir()
    if hidden:
        clean(folder, Names(hidden))
    (folder / MARKER).write_text("" if hidden else f"{repo}@{commit}\n")


def resolve(repo: str, revision: str | None) -> str:
    """Give the commit that a revision stands for."""
    return str(HfApi().model_info(repo, revision=revision).sha)


def main(arguments: list[str]) -> int:
    """Do one of both; gives the exit status."""
    try:
        match arguments:
            case [repo, commit, folder, *hidden]:
                fetch(repo, commit, Path(folder), hidden)
            case [repo, *revision]:
                _tell(FetchReport(commit=resolve(repo, revision[0] if revision else None)))
    except HidingError as error:
        _tell(FetchReport(problem=str(error)))
        return FetchEnd.NOT_HIDDEN
    # HTTPError is that of the library's HTTP client.
    except (errors.HTTPError, OSError, ValueError, RuntimeError, errors.XetDownloadError) as error:
        _tell(FetchReport(problem=str(error)))
        return _end(error)
    return 0


def _end(error: Exception) -> FetchEnd:
    match error:
        case errors.GatedRepoError():
            return FetchEnd.GATED
        case errors.RepositoryNotFoundError() | errors.RevisionNotFoundError():
            return FetchEnd.UNKNOWN
        case OSError(errno=number) if number in _FULL:
            return FetchEnd.NO_ROOM
    # What is not written in Python says it in words alone.
    return FetchEnd.NO_ROOM if os.strerror(errno.ENOSPC) in str(error) else FetchEnd.UNREACHABLE


@contextlib.contextmanager
def _telling(folder: Path, total: int) -> Iterator[None]:
    """Tell each second how much has arrived."""
    is_over = threading.Event()

    def tell() -> None:
        while not is_over.wait(_PERIOD):
            _tell(FetchReport(done=_size(folder), total=total))

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        # Files are moved meanwhile.
        with contextlib.suppress(FileNotFoundError):
            status = file.stat()
            total += status.st_size if file.is_file() else 0
    return total


def _tell(report: FetchReport) -> None:
    sys.stdout.write(report.to_line() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
