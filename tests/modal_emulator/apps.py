"""Apps, the one environment that there is, and secrets."""

from __future__ import annotations

from collections.abc import Iterable

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as api

from tests.modal_emulator.tokens import Tokens, new_id

BUILDER = "2025.06"
"""The version of Modal's image builder whose layers the client asks for."""

_TOKEN_LIFETIME = 1200.0


class Apps:
    """Handles apps and what belongs to the workspace."""

    def __init__(self, tokens: Tokens) -> None:
        """Begin without an app."""
        self.ids: dict[str, str] = {}
        self._tokens = tokens

    async def auth_token_get(self, _: api.AuthTokenGetRequest) -> api.AuthTokenGetResponse:
        return api.AuthTokenGetResponse(token=self._tokens.issue("client", _TOKEN_LIFETIME))

    async def environment_get_or_create(
        self, request: api.EnvironmentGetOrCreateRequest
    ) -> api.EnvironmentGetOrCreateResponse:
        settings = api.EnvironmentSettings(image_builder_version=BUILDER)
        name = request.deployment_name or "main"
        metadata = api.EnvironmentMetadata(name=name, settings=settings)
        return api.EnvironmentGetOrCreateResponse(environment_id="en-main", metadata=metadata)

    async def app_get_or_create(
        self, request: api.AppGetOrCreateRequest
    ) -> api.AppGetOrCreateResponse:
        name = request.app_name
        if name not in self.ids:
            if request.object_creation_type != api.OBJECT_CREATION_TYPE_CREATE_IF_MISSING:
                raise GRPCError(Status.NOT_FOUND, f"App {name!r} not found")
            self.ids[name] = new_id("ap")
        metadata = api.AppHandleMetadata(app_id=self.ids[name])
        return api.AppGetOrCreateResponse(app_id=self.ids[name], handle_metadata=metadata)


class Secrets:
    """Handles secrets; `values` are what they stand for, by id."""

    def __init__(self) -> None:
        """Begin without a secret."""
        self.values: dict[str, dict[str, str]] = {}
        self._named: dict[str, str] = {}

    def merged(self, sources: Iterable[api.SecretSource]) -> dict[str, str]:
        """Give the variables of several secrets, later ones before earlier ones."""
        merged: dict[str, str] = {}
        for source in sources:
            merged |= self.of(source.secret_id) if source.secret_id else source.env.contents
        return merged

    def of(self, secret_id: str) -> dict[str, str]:
        """Give the variables of one secret."""
        if secret_id not in self.values:
            raise GRPCError(Status.NOT_FOUND, f"Secret {secret_id!r} not found")
        return self.values[secret_id]

    async def secret_get_or_create(
        self, request: api.SecretGetOrCreateRequest
    ) -> api.SecretGetOrCreateResponse:
        secret_id = self._named.get(request.deployment_name)
        if secret_id is None:
            secret_id = self._create(request)
        elif request.object_creation_type == api.OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS:
            raise GRPCError(Status.ALREADY_EXISTS, f"Secret {request.deployment_name!r} exists")
        missing = set(request.required_keys) - set(self.values[secret_id])
        if missing:
            raise GRPCError(Status.FAILED_PRECONDITION, f"Secret is missing {sorted(missing)}")
        metadata = api.SecretMetadata(name=request.deployment_name)
        return api.SecretGetOrCreateResponse(secret_id=secret_id, metadata=metadata)

    def _create(self, request: api.SecretGetOrCreateRequest) -> str:
        name = request.deployment_name
        if name and request.object_creation_type == api.OBJECT_CREATION_TYPE_UNSPECIFIED:
            raise GRPCError(Status.NOT_FOUND, f"Secret {name!r} not found")
        secret_id = new_id("st")
        self.values[secret_id] = dict(request.env_dict)
        if name:
            self._named[name] = secret_id
        return secret_id
