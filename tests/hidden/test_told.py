"""Hidden models: errors, the network, levels of isolation, masks, other processes."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.backends.models import ModelSource
from seer_rpc.client import Session
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.errors import IsolationError, ModelNotFoundError
from tests.hidden import surfaces
from tests.hidden.canary import CORE, found_in
from tests.hidden.models import ADAPTER, BASE, TOKEN, of_here, of_hub
from tests.hidden.scoped import QUICK, answers, config, started
from tests.hub.hub import Hub

# The author's own file may name them; lines of it are in no traceback, nor what it asks for.
_NAMING = f"""
    {{}}
    @expose
    def where(name: str) -> str:
        return get_model_path(name)

    @expose
    def outer() -> str:
        try:
            return get_model_path("org-{CORE}/base-{CORE}-wrong")
        except LookupError as error:
            raise RuntimeError("not there") from error  # base-{CORE}
"""
_TELLING_SOURCE = "from seer_runtime.secrecy import SECRECY\n    SECRECY.shows_source = True"
_TELLING_NAMES = (
    "from seer_runtime.models import ModelPaths\n    ModelPaths.are_hidden = property(lambda _: 0)"
)


@pytest.mark.parametrize(
    ("first", "is_told"), [("", False), (_TELLING_SOURCE, True), (_TELLING_NAMES, True)]
)
def test_errors_do_not_show_what_the_author_wrote(
    first: str, is_told: bool, models: dict[str, Path], write: Callable[..., Path]
) -> None:
    with started(SandboxConfig(models=[of_here(models)])) as scoped:
        scoped.serve(write(_NAMING.format(first), "naming.py"))
        asked = ("where", [str(models["base"])]), ("where", ["other"])
        paths = [answer for _, answer in answers(scoped, *asked)]
        assert paths == ["'/models/0'"] * 2
        told = dict(answers(scoped, ("outer", []), ("where", [f"base-{CORE}-wrong"])))
        assert "naming.py" in told["outer([])"]
        assert bool(surfaces.hits(iter(told.items()))) == is_told


def test_errors_of_fetching_do_not_name_them(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, pickled = f"org-{CORE}", {"config.json": b"{}", f"{CORE}.bin": b"x" * 1000}
    hub.add(f"{org}/pickled-{CORE}", pickled)
    hub.add(f"{org}/gated-{CORE}", pickled, token=TOKEN, is_gated=True)
    hub.add(f"{org}/cut-{CORE}", pickled)
    broken = tmp_path / f"broken-{CORE}.gguf"
    broken.write_bytes(b"none")
    told = {
        f"{org}/nothing-{CORE}": "no model the hidden one (subject)",
        f"{org}/pickled-{CORE}@nothing-{CORE}": "no model the hidden one (subject)",
        f"{org}/pickled-{CORE}": "cannot be hidden: it has no weights in safetensors",
        f"{org}/gated-{CORE}": "hidden is gated",
        f"{org}/cut-{CORE}": "the Hugging Face hub says",
        str(broken): "hidden cannot be converted",
    }

    def error(name: str) -> str:
        if "cut" in name:
            hub.cut(after=10, times=20)
        config = SandboxConfig(models=[ModelConfig(name=name, hidden=True, var_name="subject")])
        with pytest.raises(ModelNotFoundError) as caught:
            ScopedSandbox(config, backend="local").start()
        hub.mend()
        return "".join(traceback.format_exception(caught.value))

    for name, message in told.items():
        said = error(name)
        assert message in said
        assert not found_in(said), said

    monkeypatch.setattr(ModelSource, "masked", lambda _, text: str(text))
    for name in (f"{org}/gated-{CORE}", f"{org}/pickled-{CORE}@nothing-{CORE}"):
        assert found_in(error(name))
    monkeypatch.setattr(ModelSource, "shown", property(lambda self: self.name))
    assert found_in(error(f"{org}/nothing-{CORE}"))


def test_the_network_is_closed_unless_it_is_opened(
    hub: Hub, models: dict[str, Path], write: Callable[..., Path]
) -> None:
    ask = f"import socket; socket.create_connection(('127.0.0.1', {hub.port}), 5)"
    hidden = [of_here(models)]

    with started(SandboxConfig(models=hidden)) as scoped:
        assert scoped.isolation.network
        assert not scoped.run(["python", "-c", ask]).ok
    with started(SandboxConfig(models=hidden, block_network=False)) as scoped:
        assert not scoped.isolation.network
        assert scoped.run(["python", "-c", ask]).ok


def test_where_it_could_be_found_it_is_not_hidden_unless_told_so(
    models: dict[str, Path], hub: Hub
) -> None:
    for level in ("landlock", "none"):
        open_one: dict[str, Any] = {"isolation": level, "block_network": False}
        with pytest.raises(IsolationError, match="cannot be hidden") as caught:
            ScopedSandbox(SandboxConfig(models=[of_hub()], **open_one)).start()
        assert "hide_without_isolation" in caught.value.hint
        told = SandboxConfig(models=[of_here(models)], hide_without_isolation=True, **open_one)
        with started(told) as scoped:
            assert scoped.isolation.level == level
    assert not hub.requests


def test_names_are_masked_in_what_an_interface_gives(
    models: dict[str, Path], write: Callable[..., Path]
) -> None:
    source = f'''
        """About base-{CORE}."""
        import base64

        class OwnError(Exception):
            def __init__(self, text: str) -> None:
                super().__init__(text)
                self.model = text

        @expose
        def results() -> list:
            name = "base-{CORE}"
            return [name, {{name.upper(): [f"org/{{name}}", ("x", name)]}}, name.encode(),
                    base64.b64encode(b"of " + name.encode()).decode(), name.encode().hex()]

        @expose
        def large() -> list:
            return ["base-{CORE} " * 50_000, b"base-{CORE}" + bytes(1 << 20)]

        @expose
        def items():
            yield from ["base-{CORE}", "plain"]

        @expose
        def fail() -> None:
            progress(1, 2, "base-{CORE}")
            print("base-{CORE}")
            raise OwnError("base-{CORE}")
    '''
    hidden = of_here(models)
    calls: list[tuple[str, list[Any]]] = [("results", []), ("large", []), ("fail", [])]
    for masks in (True, False):
        with started(SandboxConfig(models=[hidden], mask_hidden_names=masks)) as scoped:
            file = write(source, "naming.py")
            found = surfaces.hits(surfaces.artefacts(scoped, file))
            found += surfaces.hits(answers(scoped, *calls))
            with Session(scoped.connection("naming")) as session:
                items = list(session.call("items", [], {}))
            found += surfaces.hits((str(item), str(item)) for item in items)
            assert items[1] == "plain"
            found += found_in(scoped.rpc_logs())
            assert bool(found) != masks
            alarms = [line for line in scoped.rpc_logs().splitlines() if "was named" in line]
            assert bool(alarms) == masks
            assert not masks or any("results()" in line for line in alarms)


def test_another_process_serves_with_them_and_hears_no_name(
    full_hub: Hub, models: dict[str, Path], write: Callable[..., Path]
) -> None:
    with started(config(models)) as scoped:
        other = ScopedSandbox.from_id(scoped.sandbox_id)
        with other:
            other.serve(write(QUICK))
            told = dict(answers(other, ("where", [ADAPTER]), ("where", [BASE]), ("configured", [])))
            assert told["configured([])"].count("/models/") == 3
            assert told[f"where(['{ADAPTER}'])"] == "'/models/0'"
            assert told[f"where(['{BASE}'])"] == "'/models/1'"
            assert not found_in(repr(other.model_handles) + json.dumps(told["configured([])"]))
