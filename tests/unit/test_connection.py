"""Connections: found near the library, read only where nobody else may read them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from seer_rpc.client import Connection
from seer_rpc.errors import ConnectionFileError

CONNECTION = Connection("tools", "unix:/run/front.sock", "s3cret")
WITH_SERVER = Connection("tools", "gpu:8443", "s3cret", ca_certificate="the CA")
MUTUAL = Connection(
    *("tools", "gpu:8443", "s3cret"),
    ca_certificate="the CA",
    client_certificate="the client",
    client_key="pr1vate",
)
RELAYED = dataclasses.replace(MUTUAL, server_name="1.seer")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return put(tmp_path / ".seer" / "tools.json")


def put(file: Path, text: str = CONNECTION.to_json(), mode: int = 0o600) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)
    return file


@pytest.mark.parametrize("connection", [CONNECTION, WITH_SERVER, MUTUAL, RELAYED])
def test_a_connection_that_was_written_is_read_again(
    connection: Connection, tmp_path: Path
) -> None:
    assert Connection.read(put(tmp_path / "tools.json", connection.to_json())) == connection


def test_a_connection_on_this_machine_is_written_without_certificates() -> None:
    assert json.loads(CONNECTION.to_json()).keys() == {"interface", "endpoint", "token"}


def test_its_representation_hides_the_token_and_the_key() -> None:
    shown = f"{CONNECTION!r} {CONNECTION} {MUTUAL!r} {MUTUAL}"

    assert "s3cret" not in shown
    assert "pr1vate" not in shown
    assert "tools" in repr(CONNECTION)


def test_a_missing_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFileError, match=r"no connection file at .*gone\.json") as caught:
        Connection.read(tmp_path / "gone.json")
    assert caught.value.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o602, 0o620, 0o601, 0o666])
def test_a_file_that_is_open_to_others_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)

    with pytest.raises(ConnectionFileError, match="others may read") as caught:
        Connection.read(file)
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        *("", "not JSON", "[]", "1", "null", '"text"', "{}", "\udcff", "[" * 100_000),
        json.dumps({"interface": "tools", "endpoint": "unix:/x"}),
        json.dumps({"interface": "tools", "endpoint": "unix:/x", "token": "s3cret", "more": 1}),
        json.dumps({"interface": "tools", "endpoint": None, "token": 5}),
        json.dumps(dataclasses.asdict(CONNECTION) | {"server_name": "1.seer"}),
        *(
            json.dumps(dataclasses.asdict(MUTUAL) | changed)
            for changed in (
                {"ca_certificate": None},
                {"ca_certificate": ""},
                {"client_key": ""},
                {"client_certificate": ""},
                {"client_key": "\ud800"},
                {"server_key": "x"},
                {"server_name": "é"},
            )
        ),
    ],
    ids=range(20),
)
def test_what_is_no_connection_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tools.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    file.chmod(0o600)

    with pytest.raises(ConnectionFileError, match="is no connection file") as caught:
        Connection.read(file)
    assert "s3cret" not in str(caught.value)


def test_a_folder_is_no_connection_file(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFileError, match="is no connection file"):
        Connection.read(tmp_path)


@pytest.mark.parametrize("library", ["tools.py", "tools/__init__.py", "deep/down/tools/_remote.py"])
def test_it_is_found_in_the_folder_of_the_library_or_above(file: Path, library: str) -> None:
    assert Connection.find("tools", file.parent.parent / library) == CONNECTION


def test_the_nearest_one_counts(tmp_path: Path, file: Path) -> None:
    nearer = Connection("tools", "unix:/nearer", "t")
    put(tmp_path / "work" / ".seer" / file.name, nearer.to_json())

    assert Connection.find("tools", tmp_path / "work" / "tools" / "_remote.py") == nearer
    assert Connection.find("tools", tmp_path / "other" / "_remote.py") == CONNECTION


def test_another_interfaces_connection_is_not_taken(tmp_path: Path, file: Path) -> None:
    assert file.exists()

    with pytest.raises(ConnectionFileError, match=str(tmp_path / ".seer" / "others.json")):
        Connection.find("others", tmp_path / "others.py")


def test_the_environment_names_the_file(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = Connection("tools", "unix:/named", "t")
    monkeypatch.setenv(
        "SEER_RPC_FILE", str(put(tmp_path / "elsewhere" / "any.name", named.to_json()))
    )

    assert Connection.find("tools", file.parent.parent / "tools.py") == named


def test_a_file_that_the_environment_names_must_be_there(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEER_RPC_FILE", str(tmp_path / "gone.json"))

    with pytest.raises(ConnectionFileError, match=r"gone\.json"):
        Connection.find("tools", file.parent.parent / "tools.py")


def test_a_relative_library_is_found_from_the_working_directory(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file.exists()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")

    assert Connection.find("tools", Path("tools.py")) == CONNECTION
