"""The fixture `modal_emulator`, and what has to be set before anything reads it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.modal_emulator.requirements import require_modal

if TYPE_CHECKING:
    from seer_rpc.backends.certificates import Certificates
    from tests.modal_emulator.emulator import ModalEmulator

_FOLDER = pytest.StashKey[Path]()
ROOTS = "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
_CONFIG = "MODAL_CONFIG_PATH"


def pytest_configure(config: pytest.Config) -> None:
    """Choose files that gRPC and the client look for once in a process: roots and settings."""
    folder = Path(tempfile.mkdtemp(prefix="modal-emulator-"))
    config.stash[_FOLDER] = folder
    os.environ[ROOTS] = str(folder / "authority.pem")
    os.environ[_CONFIG] = str(folder / "modal.toml")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove them."""
    shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)


@pytest.fixture(scope="session")
def modal_certificates(request: pytest.FixtureRequest) -> Certificates:
    """Certificates of tunnels, which gRPC trusts in this process and those that it starts."""
    from seer_rpc.backends.certificates import make_certificates

    certificates = make_certificates("modal", ["localhost"], lifetime=86_400.0)
    roots = request.config.stash[_FOLDER] / "authority.pem"
    roots.write_text(certificates.authority)
    return certificates


@pytest.fixture
def modal_emulator(
    tmp_path_factory: pytest.TempPathFactory, modal_certificates: Certificates
) -> Iterator[ModalEmulator]:
    """An emulator that the `modal` client of this process and its children talks to.

    Calls that are not emulated fail the test at its end, as errors of the emulator do; a test that
    wants such a call empties `log.failures`.
    """
    with emulated_modal(tmp_path_factory.mktemp("modal"), modal_certificates) as emulator:
        yield emulator


@contextmanager
def emulated_modal(folder: Path, certificates: Certificates) -> Iterator[ModalEmulator]:
    """Have an emulator, as the fixture, for as long as the block takes."""
    require_modal()
    from tests.modal_emulator.emulator import ModalEmulator

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MODAL_") and name != _CONFIG]:
            patch.delenv(name)
        with ModalEmulator(folder, certificates) as emulator:
            for name, value in emulator.environment.items():
                patch.setenv(name, value)
            # What is not gRPC trusts the tunnels' certificates by this one.
            patch.setenv("SSL_CERT_FILE", os.environ[ROOTS])
            _forget_servers()
            yield emulator
            _forget_servers()
    assert not emulator.log.failures, "\n".join(emulator.log.failures)


def _forget_servers() -> None:
    """Have the client forget what it knows of the server before."""
    import modal
    from modal import _environments
    from modal.sandbox import _common

    modal.Client._set_env_client(None)
    _environments.ENVIRONMENT_CACHE.clear()
    _common._default_image._unhydrate()  # type: ignore[no-untyped-call]
