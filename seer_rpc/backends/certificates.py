"""Certificates of one sandbox: an authority that signs one server and one client, then is gone."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

_MARGIN = timedelta(days=1)
"""How far the clocks of two machines may be apart."""

_LONGEST = 100 * 365 * 86_400
"""Seconds; a date after the year 9999 cannot be written down."""


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its key, as PEM."""

    certificate: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True)
class Certificates:
    """What the two ends of a connection need to know each other."""

    authority: str = field(repr=False)
    """The certificate that both trust, as PEM. Nobody has its key."""

    server: KeyPair
    client: KeyPair


def make_certificates(sandbox_id: str, hosts: Sequence[str], lifetime: float) -> Certificates:
    """Make the certificates of a sandbox that clients reach as any of `hosts`."""
    authority = _Authority(sandbox_id, lifetime)
    return Certificates(
        authority=_pem(authority.certificate),
        server=authority.sign(
            "server",
            ExtendedKeyUsageOID.SERVER_AUTH,
            x509.SubjectAlternativeName([_general_name(host) for host in hosts]),
        ),
        client=authority.sign("client", ExtendedKeyUsageOID.CLIENT_AUTH),
    )


class _Authority:
    def __init__(self, sandbox_id: str, lifetime: float) -> None:
        self._id = sandbox_id
        self._key = _new_key()
        self._begin = datetime.now(UTC) - _MARGIN
        self._end = datetime.now(UTC) + timedelta(seconds=min(lifetime, _LONGEST)) + _MARGIN
        self._name = _name(f"seer sandbox {sandbox_id}")
        self.certificate = self._sign(
            self._name,
            self._key.public_key(),
            x509.BasicConstraints(ca=True, path_length=0),
            _usage(signs_certificates=True),
        )

    def sign(
        self, role: str, purpose: ObjectIdentifier, *extensions: x509.ExtensionType
    ) -> KeyPair:
        """Make a key, and a certificate that is good for one purpose."""
        key = _new_key()
        certificate = self._sign(
            _name(f"seer sandbox {self._id} {role}"),
            key.public_key(),
            x509.BasicConstraints(ca=False, path_length=None),
            _usage(signs_certificates=False),
            x509.ExtendedKeyUsage([purpose]),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
            *extensions,
        )
        return KeyPair(_pem(certificate), _private_pem(key))

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=self._begin,
            not_valid_after=self._end,
        ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        for extension in extensions:
            is_critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
            builder = builder.add_extension(extension, is_critical)
        return builder.sign(self._key, hashes.SHA256())


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
