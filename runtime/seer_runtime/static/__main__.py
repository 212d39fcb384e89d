"""Describe a file by its source: `python -m seer_runtime.static FILE` writes a LoadEvent."""

from __future__ import annotations

import sys
from pathlib import Path

from seer_runtime.exceptions import find_exceptions
from seer_runtime.exposure import Exposure
from seer_runtime.failures import describe_load_failure
from seer_runtime.loader import NothingExposedError, module_name
from seer_runtime.schema import Signature, build_schema
from seer_runtime.static.confinement import confine
from seer_runtime.static.skeleton import Skeleton
from seer_runtime.static.sources import Sources
from seer_runtime.wire.pb.interface_pb2 import InterfaceSchema
from seer_runtime.wire.pb.runtime_pb2 import LoadEvent
from seer_runtime.wire.records import TypeNames


def describe(file: Path) -> InterfaceSchema:
    """Give the schema of an interface file as far as its source tells.

    Raises:
        SyntaxError: it is no Python.
        OSError: it cannot be read.
        NothingExposedError: it marks nothing with `@expose`.
    """
    exposure, read = Exposure(), dict[str, Skeleton]()
    skeleton = Skeleton(file, module_name(file), exposure, Sources(file.absolute()), read)
    modules = [each.module for each in read.values()]
    exposed = exposure.finish([each.__name__ for each in modules])
    if not exposed.functions:
        raise NothingExposedError(f"{file.name} exposes no function; put @expose above each")
    signatures = {
        name: Signature(function, exposed.options[name], name)
        for name, function in exposed.functions.items()
    }
    doc = skeleton.module.__doc__ or ""
    schema = build_schema(
        file.stem, doc, signatures, TypeNames(), find_exceptions(modules), exposed.groups
    )
    schema.warnings.extend(skeleton.warnings)
    return schema


def main(file: str) -> None:
    """Write what the file exposes, or why that cannot be told."""
    # Texts may be types, and names of texts, too: not all that is evaluated can be seen before.
    confine()
    try:
        event = LoadEvent(schema=describe(Path(file)))
    except Exception as error:  # noqa: BLE001 - whatever a declaration raises is an answer
        event = LoadEvent(failure=describe_load_failure(error))
    sys.stdout.buffer.write(event.SerializeToString())


if __name__ == "__main__":
    main(sys.argv[1])
