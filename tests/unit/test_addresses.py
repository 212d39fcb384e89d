"""Callers by their addresses, as gRPC names them."""

from __future__ import annotations

import ipaddress

import pytest

from seer_runtime.front.addresses import is_allowed

_ALLOWED = [ipaddress.ip_network("203.0.113.0/24"), ipaddress.ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("unix:", True),
        ("unix:/run/front.sock", True),
        ("ipv4:203.0.113.7:4711", True),
        ("ipv6:%5B2001:db8::1%5D:4711", True),
        ("ipv6:[2001:db8::1%25eth0]:4711", True),
        ("ipv6:%5B::ffff:203.0.113.7%5D:4711", True),
        ("ipv4:203.0.114.7:4711", False),
        ("ipv6:%5B::ffff:203.0.114.7%5D:4711", False),
        ("ipv6:%5B2001:db9::1%5D:4711", False),
        ("ipv4:203.0.113.7", False),
        ("vsock:3:4711", False),
        ("", False),
    ],
)
def test_a_caller_is_in_one_of_the_networks_or_here(peer: str, expected: bool) -> None:
    assert is_allowed(peer, _ALLOWED) is expected
