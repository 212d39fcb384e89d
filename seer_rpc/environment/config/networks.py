"""Networks as they are written in a config: who may connect to a sandbox."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from seer_rpc.errors import ConfigError


def parse_networks(given: Sequence[str] | None) -> tuple[str, ...]:
    """Read networks and single addresses; none of them where everybody may connect.

    Raises:
        ConfigError: one is no network, or the list is empty.
    """
    if given is None:
        return ()
    if not given:
        raise ConfigError(
            "allow_from=[] would let nobody in, its owner neither",
            hint="name networks, or leave it out to let everybody in who has the token",
        )
    return tuple(_network(text) for text in given)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ConfigError(f"allow_from: {text!r} is no network", hint=_hint(text)) from None


def _hint(text: str) -> str:
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return 'write "203.0.113.0/24", or "203.0.113.7" for a single address'
    return f'write "{meant}", or "{text.partition("/")[0]}" for that address alone'
