"""system_packages: those that are not installed are named, with what to run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from seer_rpc.backends.local.system_packages import check_system_packages
from seer_rpc.environment import Sandbox, SandboxConfig
from seer_rpc.errors import SystemPackageError

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="needs dpkg-query")


@needs_dpkg
@pytest.mark.parametrize("name", ["bash", "dpkg", "libc6", "base-files"])
def test_what_is_installed_passes(name: str) -> None:
    check_system_packages([name])


@needs_dpkg
def test_a_virtual_package_counts() -> None:
    check_system_packages(["awk"])


@needs_dpkg
def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SystemPackageError) as caught:
        check_system_packages(["no-such-package-a", "bash", "no-such-package-b"])

    assert "no-such-package-a, no-such-package-b" in caught.value.message
    assert "bash" not in caught.value.message
    sudo = "" if os.geteuid() == 0 else "sudo "
    assert caught.value.hint == f"{sudo}apt-get install no-such-package-a no-such-package-b"


@needs_dpkg
def test_another_version_is_told() -> None:
    with pytest.raises(SystemPackageError, match="bash is here in version") as caught:
        check_system_packages(["bash=0.1"])
    assert "bash=0.1" in caught.value.hint


@needs_dpkg
def test_a_sandbox_does_not_start_without_them() -> None:
    sandbox = Sandbox(SandboxConfig(system_packages=["no-such-package-a"]))

    with pytest.raises(SystemPackageError, match="no-such-package-a"):
        sandbox.start()


def test_another_system_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    check_system_packages([])
    with pytest.warns(UserWarning, match=r"git, ffmpeg .*no dpkg-query"):
        check_system_packages(["git", "ffmpeg"])
