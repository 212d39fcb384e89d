"""A sandbox's port for other machines: what its front is told of it, and what its clients are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seer_rpc.backends.listening import Address, Listening
from seer_rpc.backends.protocol import MachineSpec, NetworkAccess
from seer_rpc.errors import PackageMissingError
from seer_runtime.wire.settings import Port

if TYPE_CHECKING:
    from seer_rpc.backends.certificates import Certificates


@dataclass(frozen=True)
class Entrance:
    """Both sides of the port that a machine has. It holds every key: not to be kept."""

    listening: Listening
    certificates: Certificates | None

    @classmethod
    def of(cls, spec: MachineSpec) -> Entrance | None:
        """Plan the port, if the machine is to have one.

        Raises:
            PackageMissingError: its certificates cannot be made here.
        """
        if spec.listening is None:
            return None
        certificates = None if spec.listening.tls == "off" else _certificates(spec, spec.listening)
        return cls(spec.listening, certificates)

    @property
    def port(self) -> Port:
        """What the front is told."""
        address = str(self.listening.address)
        if self.certificates is None:
            return Port(address=address)
        return Port(
            address=address,
            certificate=self.certificates.server.certificate,
            key=self.certificates.server.key,
            client_authority=self.certificates.authority if self._is_mutual else "",
        )

    def access(self, port: int) -> NetworkAccess:
        """Give what clients are told, where the front listens at `port`."""
        advertised = self.listening.advertised
        endpoint = str(Address(advertised.host, advertised.port or port))
        if self.certificates is None:
            return NetworkAccess(endpoint=endpoint)
        client = self.certificates.client
        return NetworkAccess(
            endpoint=endpoint,
            ca_certificate=self.certificates.authority,
            client_certificate=client.certificate if self._is_mutual else "",
            client_key=client.key if self._is_mutual else "",
        )

    @property
    def _is_mutual(self) -> bool:
        return self.listening.tls == "mutual"


def _certificates(spec: MachineSpec, listening: Listening) -> Certificates:
    # Few sandboxes need it, and it is large: an extra, loaded where it is used.
    try:
        from seer_rpc.backends.certificates import make_certificates
    except ModuleNotFoundError as error:
        raise PackageMissingError(
            f"a sandbox that listens for other machines needs certificates, and to make them the "
            f"package {(error.name or '').partition('.')[0]}, which is not installed here",
            hint="pip install 'seer-rpc[tls]'",
        ) from error
    return make_certificates(spec.sandbox_id, listening.names, spec.lifetime)
