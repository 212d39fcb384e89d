"""Packages in sandboxes: what workers need, and what is said where some cannot be had."""

from __future__ import annotations

from importlib import metadata

from packaging.requirements import Requirement

from seer_rpc.backends.package_failures import explain
from seer_rpc.parsing import parse_requirement

__all__ = ["explain", "worker_needs"]

_NAMES = ("griffelib", "msgpack", "protobuf", "pydantic", "typing-extensions")


def worker_needs() -> list[Requirement]:
    """Give what a worker needs beside the user's packages, in the versions that it works with."""
    try:
        declared = [parse_requirement(each) for each in metadata.requires("seer-rpc") or ()]
    except metadata.PackageNotFoundError:
        declared = [Requirement(name) for name in _NAMES]
    return [each for each in declared if each.name in _NAMES and each.marker is None]
