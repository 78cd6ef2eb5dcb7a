"""``/api/connections``: the service connections that work."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import azure.functions as func

from onboarding.api import documents
from onboarding.api.callers import Caller
from onboarding.api.front import Front, answer, script_answer
from onboarding.api.operations import Operations, Removal
from onboarding.api.paging import Page, bad_continuation
from onboarding.api.parameters import known_only, one_of
from onboarding.api.problems import conflict, not_found
from onboarding.clock import Clock
from onboarding.cmg import removal_script
from onboarding.cmg.handover import HandOver, script
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.cadence import Cadence, ExpiryWarning
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.errors import PermanentError
from onboarding.storage.tables import InvalidContinuationError


class Purpose(StrEnum):
    """What a hand-over is for."""

    IMPORT = "import"
    REMOVAL = "removal"


@dataclass(frozen=True, kw_only=True, slots=True)
class Connections:
    """The endpoints."""

    front: Front
    store: ConnectionStore
    cadence: Cadence
    clock: Clock
    operations: Operations

    async def list(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """A page of connections, by tenant; a requester's own, an operator's all."""
        page = Page.of(request)
        requester = None if caller.operates else caller.id
        try:
            found, continuation = await self.store.page(
                requester=requester, size=page.size, continuation=page.continuation
            )
        except InvalidContinuationError as error:
            raise bad_continuation() from error
        url = self.front.url(request, "connections")
        return answer(page.answer(map(self.document, found), continuation, url, {}))

    async def get(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """One connection."""
        return answer(self.document(await self.find(request, caller)))

    async def handover(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """The PowerShell script that brings one connection to its site, or (``for=removal``) takes it away.

        It holds no secret.
        """
        parameters = known_only(request.params, "for")
        purpose = one_of(parameters, "for", Purpose) or Purpose.IMPORT
        found = await self.find(request, caller)
        if purpose is Purpose.REMOVAL:
            return script_answer(removal_script.script(found.name), f"remove-{found.id}.ps1")
        text = script(
            HandOver(
                request=OnboardingRequest.model_validate_json(json.dumps(found.request)),
                tenant_name=found.tenant_name,
                server_name=found.server_app.name,
                server_app_id=found.server_app.app_id,
                app_id_uri=found.app_id_uri,
                client_name=found.client_app.name,
                client_app_id=found.client_app.app_id,
                vault_secret_id=found.secret.vault_id,
                secret_ends_at=found.secret.ends_at,
            )
        )
        return script_answer(text, f"connect-{found.id}.ps1")

    async def remove(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Off-boards one connection: 202. Its applications, secret and grants go; its onboarding stays."""
        found = await self.find(request, caller)
        try:
            await self.store.need_unshared(found)
        except PermanentError as error:
            raise conflict(error.code, error.title, f"{error.detail} {error.remedy}") from error
        wanted = Removal(
            onboarding=found.onboarding,
            tenant=found.tenant,
            name=found.name,
            request=found.request,
            stop_as=None,
            connection=found.id,
        )
        return await self.operations.remove(request, caller, wanted)

    async def renew(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Begins to renew one connection's client secret: 202."""
        return await self.operations.renew(request, caller, await self.find(request, caller))

    async def find(self, request: func.HttpRequest, caller: Caller) -> Connection:
        """The connection of a route, if the caller may see it. Others' look like none."""
        found = await self.store.get(request.route_params.get("id", ""))
        if found is None or not caller.may_see(found.requester):
            raise not_found("The connection")
        return found

    def document(self, connection: Connection) -> dict[str, object]:
        """How callers see a connection."""
        return documents.connection(connection, upcoming(connection, self.cadence, self.clock.now()))


def upcoming(connection: Connection, cadence: Cadence, now: datetime) -> dict[str, ExpiryWarning | None]:
    """The next warning of each expiration of a connection."""
    return {
        name: cadence.upcoming(
            ends_at,
            now,
            acknowledged=connection.acknowledgement(name) is not None,
            snooze=connection.snooze(name),
        )
        for name, ends_at in connection.expirations.items()
    }
