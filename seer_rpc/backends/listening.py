"""Where a sandbox listens for other machines, as it is written in a config."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from seer_rpc.errors import ConfigError

Tls: TypeAlias = Literal["mutual", "server", "off"]

_FORM = re.compile(r"(?:\[(?P<bracketed>[^]]*)\]|(?P<plain>[^:\[\]]*))(?::(?P<port>[0-9]{1,5}))?")
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*")
_MAX_PORT = 65_535


@dataclass(frozen=True)
class Address:
    """A host and a port; port 0 is one that is not known yet."""

    host: str
    port: int = 0

    @property
    def ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The host as an IP address, where it is no name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine itself can reach it."""
        return self.host == "localhost" or (self.ip is not None and self.ip.is_loopback)

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for all addresses of this machine."""
        return self.ip is not None and self.ip.is_unspecified

    def __str__(self) -> str:
        """Write it as gRPC reads it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Listening:
    """How other machines are to reach a sandbox."""

    address: Address
    advertised: Address
    """Where they find it; port 0 is the one that it listens at."""

    tls: Tls
    is_advertised: bool = False
    """Whether the config itself says where they find it."""

    @classmethod
    def parse(cls, listen: str | None, tls: Tls, advertise: str | None) -> Listening | None:
        """Read what a config says; None where other machines are not to reach the sandbox.

        Raises:
            ConfigError: it cannot be, or would not be safe.
        """
        if tls not in get_args(Tls):
            raise ConfigError(
                f"tls={tls!r} is not known", hint=f"one of {', '.join(map(repr, get_args(Tls)))}"
            )
        if listen is None:
            _check_unused(tls, advertise)
            return None
        address = _parse("listen", listen, port_needed=True)
        if tls == "off" and not address.is_loopback:
            raise ConfigError(
                f"tls='off' at {listen} would show every call, and the token that allows it, to "
                "everyone on the way",
                hint="leave tls= out; or listen at 127.0.0.1 and forward that port with ssh -L",
            )
        return cls(
            address=address,
            advertised=_advertised(address, advertise),
            tls=tls,
            is_advertised=advertise is not None,
        )

    def endpoint(self, port: int) -> str:
        """Give where clients find it, which listens at that port."""
        return str(Address(self.advertised.host, self.advertised.port or port))

    @property
    def names(self) -> tuple[str, ...]:
        """Every host under which clients may look for it, for its certificate."""
        own = _own_name()
        hosts = {self.advertised.host, "localhost", "127.0.0.1", "::1", *([own] if own else [])}
        if not self.address.is_wildcard:
            hosts.add(self.address.host)
        return tuple(sorted(hosts))


def _check_unused(tls: Tls, advertise: str | None) -> None:
    for name, is_given in (("tls", tls != "mutual"), ("advertise", advertise is not None)):
        if is_given:
            raise ConfigError(
                f"{name}= says how other machines reach the sandbox, and it does not listen",
                hint='give listen="0.0.0.0:8443", or leave it out',
            )


def _advertised(address: Address, advertise: str | None) -> Address:
    if advertise is not None:
        return _parse("advertise", advertise, port_needed=False)
    if not address.is_wildcard:
        return Address(address.host)
    name = _own_name()
    if name is None:
        raise ConfigError(
            "this machine has no name that others could use",
            hint='give advertise="...", a name or an address under which they reach it',
        )
    return Address(name)


def _parse(field: str, text: str, *, port_needed: bool) -> Address:
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    host = (match["bracketed"] or match["plain"] or "") if match else ""
    port = match["port"] if match else None
    if not _is_host(host) or (port_needed and port is None):
        raise ConfigError(
            f"{field}={text!r} is no address",
            hint=f'write {field}="127.0.0.1:8443", "name:8443" or "[::1]:8443"',
        )
    address = Address(host, int(port or 0))
    if address.port > _MAX_PORT:
        raise ConfigError(f"{field}={text!r}: ports end at {_MAX_PORT}")
    if field == "advertise" and address.is_wildcard:
        raise ConfigError(
            f"advertise={text!r} leads nowhere", hint="give a name or an address of this machine"
        )
    return address


def _is_host(host: str) -> bool:
    if "%" in host:
        return False
    # What looks like an IP address and is none would be looked up as a name.
    is_name = _NAME.fullmatch(host) and not re.fullmatch(r"[0-9.]+", host)
    return bool(is_name) or Address(host).ip is not None


def _own_name() -> str | None:
    name = socket.gethostname()
    return name if _is_host(name) else None
