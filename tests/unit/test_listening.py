"""Listening: what a config may say, and under which names others find the sandbox."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from seer_rpc.backends.listening import Address, Listening
from seer_rpc.environment import SandboxConfig
from seer_rpc.errors import ConfigError


def listening(**fields: Any) -> Listening:
    found = SandboxConfig(**fields).listening
    assert found is not None
    return found


def test_a_sandbox_does_not_listen_for_others_unless_told() -> None:
    assert SandboxConfig().listening is None


def test_both_ends_have_certificates_unless_told_otherwise() -> None:
    assert listening(listen="0.0.0.0:8443").tls == "mutual"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("0.0.0.0:8443", Address("0.0.0.0", 8443)),
        ("localhost:65535", Address("localhost", 65535)),
        ("gpu-3.example.org:1", Address("gpu-3.example.org", 1)),
        ("[::1]:0", Address("::1", 0)),
        ("[::]:8443", Address("::", 8443)),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: Address) -> None:
    assert listening(listen=text).address == address
    assert str(address) == text


@pytest.mark.parametrize(
    "listen",
    [
        *("", ":8443", "8443", "127.0.0.1", "localhost", "localhost:", "localhost:x", "::1:80"),
        *("[::1]", "[::1:80", "[localhost]x:1", "a b:1", "-x:1", "1.2.3:4", "999.1.1.1:4", "a/b:1"),
        *("fe80::1%eth0:1", "[fe80::1%eth0]:1", "http://localhost:1", "tökén:1", "a..b:1", "a:1\n"),
        "x" * 300 + ":1",
    ],
)
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(ConfigError, match="is no address") as caught:
        SandboxConfig(listen=listen)
    assert "8443" in caught.value.hint


@pytest.mark.parametrize("listen", [8443, b"localhost:1"])
def test_an_address_is_text(listen: Any) -> None:
    with pytest.raises(ConfigError, match="must be text"):
        SandboxConfig(listen=listen)


def test_a_port_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="ports end at 65535"):
        SandboxConfig(listen="127.0.0.1:65536")


@pytest.mark.parametrize("tls", ["on", "", None, True, ["off"], "Mutual"])
def test_a_protection_that_there_is_not_is_refused(tls: Any) -> None:
    with pytest.raises(ConfigError, match="is not known") as caught:
        SandboxConfig(listen="127.0.0.1:0", tls=tls)
    assert "'mutual', 'server', 'off'" in caught.value.hint


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.9.9.9:0", "localhost:0", "[::1]:0"])
def test_loopback_may_go_without_encryption(listen: str) -> None:
    assert listening(listen=listen, tls="off").tls == "off"


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.168.1.5:0", "gpu.example.org:0"])
def test_nothing_else_may_go_without_encryption(listen: str) -> None:
    with pytest.raises(ConfigError, match="would show every call") as caught:
        SandboxConfig(listen=listen, tls="off")
    assert "ssh -L" in caught.value.hint


@pytest.mark.parametrize("fields", [{"tls": "server"}, {"tls": "off"}, {"advertise": "gpu"}])
def test_what_is_said_about_a_port_that_there_is_not_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="does not listen") as caught:
        SandboxConfig(**fields)
    assert "listen=" in caught.value.hint


@pytest.mark.parametrize(
    ("fields", "advertised"),
    [
        ({"listen": "127.0.0.1:80"}, Address("127.0.0.1")),
        ({"listen": "gpu.example.org:80"}, Address("gpu.example.org")),
        ({"listen": "0.0.0.0:80"}, Address("the-host")),
        ({"listen": "[::]:80"}, Address("the-host")),
        ({"listen": "0.0.0.0:80", "advertise": "gpu"}, Address("gpu")),
        ({"listen": "127.0.0.1:80", "advertise": "gpu:443"}, Address("gpu", 443)),
        ({"listen": "[::]:80", "advertise": "[2001:db8::1]"}, Address("2001:db8::1")),
    ],
)
def test_others_are_told_a_place_that_they_can_go_to(
    fields: dict[str, Any], advertised: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "the-host")
    found = listening(**fields)

    assert found.advertised == advertised
    assert {advertised.host, "the-host", "localhost", "127.0.0.1", "::1"} <= set(found.names)
    assert not {"0.0.0.0", "::"} & set(found.names)


@pytest.mark.parametrize("advertise", ["", "0.0.0.0", "[::]:80", "a b", "::1", "gpu:", "gpu:x"])
def test_a_place_that_nobody_can_go_to_is_refused(advertise: str) -> None:
    with pytest.raises(ConfigError, match=r"is no address|leads nowhere"):
        SandboxConfig(listen="0.0.0.0:80", advertise=advertise)


def test_a_machine_without_a_usable_name_must_be_given_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "my machine")
    with pytest.raises(ConfigError, match="no name") as caught:
        SandboxConfig(listen="0.0.0.0:80")

    assert "advertise=" in caught.value.hint
    assert listening(listen="0.0.0.0:80", advertise="gpu").advertised.host == "gpu"
    assert "my machine" not in listening(listen="127.0.0.1:80").names
