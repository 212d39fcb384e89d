"""This library's errors for those of Modal's client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modal import exception

from seer_rpc.errors import (
    BackendCredentialsError,
    BackendError,
    BackendVersionError,
    CapacityError,
    PackageInstallError,
    SandboxLostError,
    SandboxStartError,
    SeerError,
)


@contextmanager
def translated() -> Iterator[None]:
    """Have no error of Modal's leave the block."""
    try:
        yield
    except exception.Error as error:
        raise translate(error) from error


def translate(error: exception.Error) -> SeerError:
    """Give this library's error for one of Modal's."""
    match error:
        case exception.AuthError() | exception.PermissionDeniedError():
            return BackendCredentialsError(
                f"Modal does not take the credentials: {error}",
                hint="run `modal token new`; MODAL_TOKEN_ID and MODAL_TOKEN_SECRET, where they are "
                "set, count before its file",
            )
        case exception.VersionError():
            return BackendVersionError(
                f"Modal does not support this version of its client: {error}",
                hint="pip install --upgrade 'seer-rpc[modal]'",
            )
        case exception.ImageBuildError():
            return PackageInstallError(
                f"the sandbox's image cannot be built: {error}",
                hint="check python_packages=; and image= and system_packages=, which go together: "
                "images have to be Debian's or Ubuntu's",
            )
        case exception.ResourceExhaustedError():
            return CapacityError(f"Modal has no machine for the sandbox: {error}", hint=MORE)
        case exception.NotFoundError():
            return SandboxLostError(f"Modal knows of no such sandbox: {error}")
        case exception.InvalidError():
            return BackendError(f"Modal does not run such a sandbox: {error}")
    return SandboxStartError(
        f"Modal does not do what is needed: {error or type(error).__name__}",
        hint=PROBABLY_MODAL,
    )


PROBABLY_MODAL = "is the network up? https://status.modal.com tells whether Modal is"
MORE = (
    "try again later, with another gpu= or a smaller gpu_count=; sandboxes that are still running "
    "count, too: `seer ps`"
)
