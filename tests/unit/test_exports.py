"""Exports: every public package says what is in it, in order, and all of it is there."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import seer_rpc

PACKAGES = [f"seer_rpc.{m.name}" for m in pkgutil.iter_modules(seer_rpc.__path__) if m.ispkg]
PUBLIC = [*(name for name in PACKAGES if name != "seer_rpc.cli"), "seer_rpc.errors"]


def test_the_packages_were_found() -> None:
    assert {"seer_rpc.client", "seer_rpc.environment", "seer_rpc.workspace"} <= set(PUBLIC)


def constants_first(name: str) -> tuple[bool, str]:
    return not name.isupper(), name


@pytest.mark.parametrize("name", [*PUBLIC, "seer_rpc.interface"])
def test_a_public_package_exports_what_it_has_in_order(name: str) -> None:
    module = importlib.import_module(name)

    assert module.__doc__
    assert list(module.__all__) == sorted(set(module.__all__), key=constants_first)
    for exported in module.__all__:
        assert hasattr(module, exported), exported
