"""The interfaces of the corpus, served: what their functions give and how they fail."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from seer_rpc.client import ResultStream, Session
from seer_rpc.environment import ScopedSandbox
from seer_rpc.errors import RemoteError, SeerError
from seer_rpc.presentation import to_json
from seer_runtime.wire.plain import JsonArguments
from tests.corpus import InterfaceFile, interface_files


class Served(NamedTuple):
    """An interface file of the corpus, and a way to call it with JSON."""

    file: InterfaceFile
    session: Session
    timeouts: Mapping[str, float]

    def call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """Give the result as JSON; an answer that does not come is an error, too."""
        given = JsonArguments(json.dumps(arguments))
        timeout = self.timeouts[function] or 20.0
        result = self.session.call(function, [given], {}, timeout=timeout)
        return to_json(list(result) if isinstance(result, ResultStream) else result, repr)


@pytest.fixture(scope="module", params=interface_files(), ids=lambda file: file.name)
def served(request: pytest.FixtureRequest, shared: ScopedSandbox) -> Iterator[Served]:
    """Each file of the corpus while it is served."""
    library = shared.serve(request.param.path)
    timeouts = {function.name: function.timeout for function in library.schema.functions}
    with Session(library.connection) as session:
        yield Served(request.param, session, timeouts)


def test_its_functions_give_what_it_says(served: Served) -> None:
    for example in served.file.examples:
        assert served.call(example.function, example.arguments) == example.result, example


def test_its_functions_fail_as_it_says(served: Served) -> None:
    for failure in served.file.failures:
        with pytest.raises(SeerError) as caught:
            served.call(failure.function, failure.arguments)
        assert _name(caught.value) == failure.error, failure


def _name(error: SeerError) -> str:
    raised = error.exception if isinstance(error, RemoteError) else type(error).__name__
    return raised.rpartition(".")[2]
