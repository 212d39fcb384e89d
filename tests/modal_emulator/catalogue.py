"""Finding sandboxes: by tags, by name, and the tags themselves."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2 as api

from tests.modal_emulator.apps import Apps
from tests.modal_emulator.sandbox import Sandbox
from tests.modal_emulator.sandboxes import Sandboxes, metadata


class Catalogue:
    """Handles calls that look for sandboxes."""

    def __init__(self, sandboxes: Sandboxes, apps: Apps) -> None:
        """Look among these."""
        self._sandboxes = sandboxes
        self._apps = apps

    async def sandbox_list(self, request: api.SandboxListRequest) -> api.SandboxListResponse:
        return self._list(
            request, [one for one in self._sandboxes.sandboxes.values() if not one.is_v2]
        )

    async def sandbox_list_v2(self, request: api.SandboxListRequest) -> api.SandboxListResponse:
        return self._list(request, list(self._sandboxes.sandboxes.values()))

    def _list(
        self, request: api.SandboxListRequest, among: list[Sandbox]
    ) -> api.SandboxListResponse:
        found = [_info(sandbox) for sandbox in among if _matches(sandbox, request)]
        return api.SandboxListResponse(sandboxes=sorted(found, key=lambda one: -one.created_at))

    async def sandbox_get_from_name(
        self, request: api.SandboxGetFromNameRequest
    ) -> api.SandboxGetFromNameResponse:
        return self._find(request, is_v2=False)

    async def sandbox_get_from_name_v2(
        self, request: api.SandboxGetFromNameRequest
    ) -> api.SandboxGetFromNameResponse:
        return self._find(request, is_v2=True)

    def _find(
        self, request: api.SandboxGetFromNameRequest, is_v2: bool
    ) -> api.SandboxGetFromNameResponse:
        app_id = self._apps.ids.get(request.app_name)
        for sandbox in reversed(self._sandboxes.sandboxes.values()):
            known = (sandbox.app_id, sandbox.definition.name, sandbox.is_v2)
            is_there = sandbox.result is None or request.include_terminated
            if is_there and known == (app_id, request.sandbox_name, is_v2):
                return api.SandboxGetFromNameResponse(
                    sandbox_id=sandbox.id, metadata=metadata(sandbox)
                )
        raise GRPCError(Status.NOT_FOUND, f"Sandbox {request.sandbox_name!r} not found")

    async def sandbox_tags_get(
        self, request: api.SandboxTagsGetRequest
    ) -> api.SandboxTagsGetResponse:
        return api.SandboxTagsGetResponse(tags=_tags(self._sandboxes.sandbox(request.sandbox_id)))

    async def sandbox_tags_set(self, request: api.SandboxTagsSetRequest) -> Empty:
        tags = {tag.tag_name: tag.tag_value for tag in request.tags}
        self._sandboxes.sandbox(request.sandbox_id).tags = tags
        return Empty()

    sandbox_tags_get_v2 = sandbox_tags_get
    sandbox_tags_set_v2 = sandbox_tags_set


def _matches(sandbox: Sandbox, request: api.SandboxListRequest) -> bool:
    return (
        (not request.app_id or sandbox.app_id == request.app_id)
        and (sandbox.result is None or request.include_finished)
        and (not request.before_timestamp or sandbox.created < request.before_timestamp)
        and all(sandbox.tags.get(tag.tag_name) == tag.tag_value for tag in request.tags)
    )


def _info(sandbox: Sandbox) -> api.SandboxInfo:
    return api.SandboxInfo(
        id=sandbox.id,
        app_id=sandbox.app_id,
        name=sandbox.definition.name,
        created_at=sandbox.created,
        tags=_tags(sandbox),
        image_id=sandbox.definition.image_id,
        timeout_secs=sandbox.definition.timeout_secs,
        task_info=api.TaskInfo(id=sandbox.task_id, result=sandbox.result),
        metadata=metadata(sandbox),
    )


def _tags(sandbox: Sandbox) -> list[api.SandboxTag]:
    return [api.SandboxTag(tag_name=key, tag_value=one) for key, one in sandbox.tags.items()]
