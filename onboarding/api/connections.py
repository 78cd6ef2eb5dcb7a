"""``/api/connections``: the service connections that work."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import azure.functions as func

from onboarding.api import documents
from onboarding.api.callers import Caller
from onboarding.api.front import Front, answer
from onboarding.api.paging import Page, bad_continuation
from onboarding.api.problems import not_found
from onboarding.clock import Clock
from onboarding.cmg.handover import HandOver, script
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.clocks import Cadence, ExpiryWarning
from onboarding.connections.records import Connection
from onboarding.connections.store import ConnectionStore
from onboarding.storage.tables import InvalidContinuationError


@dataclass(frozen=True, kw_only=True, slots=True)
class Connections:
    """The endpoints."""

    front: Front
    store: ConnectionStore
    cadence: Cadence
    clock: Clock

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
        return answer(page.answer(map(self._document, found), continuation, url, {}))

    async def get(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """One connection."""
        return answer(self._document(await self._find(request, caller)))

    async def handover(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """The PowerShell script that brings one connection to its site. It holds no secret."""
        found = await self._find(request, caller)
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
        return func.HttpResponse(
            text.encode("utf-8-sig"),
            mimetype="text/plain",
            charset="utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="connect-{found.id}.ps1"',
                "Cache-Control": "no-store",
            },
        )

    async def _find(self, request: func.HttpRequest, caller: Caller) -> Connection:
        """The connection of a route, if the caller may see it. Others' look like none."""
        found = await self.store.get(request.route_params.get("id", ""))
        if found is None or not caller.may_see(found.requester):
            raise not_found("The connection")
        return found

    def _document(self, connection: Connection) -> dict[str, object]:
        return documents.connection(connection, upcoming(connection, self.cadence, self.clock.now()))


def upcoming(connection: Connection, cadence: Cadence, now: datetime) -> dict[str, ExpiryWarning | None]:
    """The next warning of each clock of a connection."""
    return {
        name: cadence.upcoming(
            ends_at,
            now,
            acknowledged=connection.acknowledgement(name) is not None,
            snooze=connection.snooze(name),
        )
        for name, ends_at in connection.clocks.items()
    }
