"""A sandbox's port for other machines: what its front is told of it, and what its clients are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seer_rpc.backends.listening import Listening
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
    allowed: Sequence[str]
    server_name: str

    @classmethod
    def of(cls, spec: MachineSpec, server_name: str = "") -> Entrance | None:
        """Plan the port, if the machine is to have one.

        `server_name` is what its certificate says where nobody knows the address beforehand.

        Raises:
            PackageMissingError: its certificates cannot be made here.
        """
        if spec.listening is None:
            return None
        names = (server_name,) if server_name else spec.listening.names
        certificates = None if spec.listening.tls == "off" else _certificates(spec, names)
        return cls(spec.listening, certificates, spec.allowed, server_name)

    @property
    def port(self) -> Port:
        """What the front is told."""
        address = str(self.listening.address)
        if self.certificates is None:
            return Port(address=address, allowed=self.allowed)
        return Port(
            address=address,
            allowed=self.allowed,
            certificate=self.certificates.server.certificate,
            key=self.certificates.server.key,
            client_authority=self.certificates.authority if self._is_mutual else "",
        )

    def access(self, endpoint: str) -> NetworkAccess:
        """Give what clients are told, who find it there."""
        if self.certificates is None:
            return NetworkAccess(endpoint=endpoint)
        client = self.certificates.client
        return NetworkAccess(
            endpoint=endpoint,
            ca_certificate=self.certificates.authority,
            client_certificate=client.certificate if self._is_mutual else "",
            client_key=client.key if self._is_mutual else "",
            server_name=self.server_name,
        )

    @property
    def _is_mutual(self) -> bool:
        return self.listening.tls == "mutual"


def _certificates(spec: MachineSpec, names: Sequence[str]) -> Certificates:
    # Few sandboxes need it, and it is large: an extra, loaded where it is used.
    try:
        from seer_rpc.backends.certificates import make_certificates
    except ModuleNotFoundError as error:
        raise PackageMissingError(
            f"a sandbox that listens for other machines needs certificates, and to make them the "
            f"package {(error.name or '').partition('.')[0]}, which is not installed here",
            hint="pip install 'seer-rpc[tls]'",
        ) from error
    return make_certificates(spec.sandbox_id, names, spec.lifetime)
