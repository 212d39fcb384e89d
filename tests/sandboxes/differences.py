"""What sandboxes on this machine do and those on Modal do not: tests by name, with the reason."""

from __future__ import annotations

import pytest

_NO_CODE_SERVER = "debug=True is refused on Modal"
_ITS_OWN_FORMAT = "a snapshot is an image of Modal's, of all files, and lies there"

_ITS_PYTHON = "the Python of an emulated machine is this one's, which nothing is added to"
_NO_CONTAINER = "containers run inside: test_modal_docker.py has them"

_ONLY_HERE = {
    "test_a_package_is_installed_so_that_it_can_be_edited": _ITS_PYTHON,
    "test_a_repository_that_is_called_as_its_package_does_not_hide_it": _ITS_PYTHON,
    "test_a_container_is_built_and_run_and_ends_with_the_sandbox": _NO_CONTAINER,
    "test_an_image_that_does_not_build_is_told": _NO_CONTAINER,
    "test_a_dockerfile_that_leads_out_of_its_repository_is_refused": _NO_CONTAINER,
    "test_without_docker_it_is_said_what_is_missing": _NO_CONTAINER,
    "test_it_shows_the_workspace_and_knows_the_password_by_its_digest": _NO_CODE_SERVER,
    "test_one_that_does_not_start_says_why": _NO_CODE_SERVER,
    "test_a_link_out_of_the_sandbox_brings_nothing_in": _ITS_OWN_FORMAT,
    "test_a_damaged_or_missing_snapshot_starts_nothing": _ITS_OWN_FORMAT,
    "test_sigterm_lets_what_runs_end_and_a_second_one_does_not": (
        "nobody on this machine can signal its front"
    ),
    "test_files_of_the_host_are_not_the_sandboxes": "the emulation has this machine's system",
}


def skip_what_modal_is_not(request: pytest.FixtureRequest) -> None:
    """Skip a test that cannot pass on Modal."""
    reason = _ONLY_HERE.get(request.node.originalname)
    if reason is not None:
        pytest.skip(reason)
