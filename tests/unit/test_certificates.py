"""Certificates: good for one sandbox, for one purpose, and for as long as it lives."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from seer_rpc.backends.certificates import Certificates, KeyPair, make_certificates

HOSTS = ("gpu.example.org", "localhost", "127.0.0.1", "::1")


@pytest.fixture(scope="module")
def made() -> Certificates:
    return make_certificates("abc123", HOSTS, 3600)


def parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def purposes(pair: KeyPair) -> list[ObjectIdentifier]:
    usage = parsed(pair.certificate).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    return list(usage.value)


def test_the_server_is_known_by_each_of_its_hosts(made: Certificates) -> None:
    certificate = parsed(made.server.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["gpu.example.org", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    ]


def test_neither_certificate_serves_the_others_purpose(made: Certificates) -> None:
    assert purposes(made.server) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert purposes(made.client) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_both_are_signed_by_the_authority_and_sign_nothing_themselves(made: Certificates) -> None:
    authority = parsed(made.authority)
    authority.verify_directly_issued_by(authority)
    for pair in (made.server, made.client):
        certificate = parsed(pair.certificate)
        certificate.verify_directly_issued_by(authority)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert not constraints.value.ca
        assert load_pem_private_key(pair.key.encode(), None).public_key() == (
            certificate.public_key()
        )


@pytest.mark.parametrize("lifetime", [1, 3600, 30 * 86_400])
def test_they_last_as_long_as_the_sandbox_whatever_the_clocks_say(lifetime: int) -> None:
    made = make_certificates("abc123", HOSTS, lifetime)
    now = datetime.now(UTC)

    for pem in (made.authority, made.server.certificate, made.client.certificate):
        certificate = parsed(pem)
        assert certificate.not_valid_before_utc < now - timedelta(hours=23)
        left = certificate.not_valid_after_utc - now - timedelta(seconds=lifetime)
        assert timedelta(hours=23) < left < timedelta(hours=25)


@pytest.mark.parametrize("lifetime", [10**12, 10**30, float("inf")])
def test_a_lifetime_beyond_all_calendars_is_a_long_one(lifetime: float) -> None:
    end = parsed(make_certificates("abc123", HOSTS, lifetime).authority).not_valid_after_utc

    assert end > datetime.now(UTC) + timedelta(days=36_000)


def test_no_two_sandboxes_share_a_key(made: Certificates) -> None:
    other = make_certificates("abc123", HOSTS, 3600)
    keys = [pair.key for each in (made, other) for pair in (each.server, each.client)]

    assert len(set(keys)) == 4
    assert other.authority != made.authority


def test_representations_hide_the_keys(made: Certificates) -> None:
    assert "PRIVATE KEY" in made.client.key
    assert "PRIVATE KEY" not in f"{made!r} {made}"
