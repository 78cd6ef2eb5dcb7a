"""``/api/connections``: the connections of the tenants."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Any

from pydantic import Field

from onboarding.api.connection_documents import Connection, ConnectionList, upcoming
from onboarding.api.endpoint import WHERE, Call, Reply, endpoint, script
from onboarding.api.filters import LABELS, REQUESTED_BY, Labels, Who, filled, labelled, requester
from onboarding.api.operation_documents import Operation
from onboarding.api.operations import Operations
from onboarding.api.paging import PageQuery
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Id, Parameters, Traced
from onboarding.api.unreadable_connections import UnreadableConnections
from onboarding.clock import Clock
from onboarding.cmg import handover_script, operation_scripts
from onboarding.cmg.vault_reading import VaultSecret
from onboarding.connections import records
from onboarding.connections.cadence import Cadence
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.handover import ConfirmationWay, HandoverState
from onboarding.connections.records import ConnectionState
from onboarding.errors import PermanentError, requests
from onboarding.errors.reserve import OwnerAction
from onboarding.expiry.handovers import Handovers
from onboarding.lifecycle.requests import Removal
from onboarding.notices.signed_links import SCRIPT, NoticeLinks
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.texts import phrases
from onboarding.words.word import EMPTY, Word


class Purpose(StrEnum):
    """What a handover script does at the site."""

    IMPORT = "import"
    REMOVAL = "removal"


class HandoverQuery(Parameters):
    """Which script is requested."""

    purpose: Purpose = Field(
        Purpose.IMPORT, alias="for", description="Whether the script connects or disconnects the site."
    )


class ConnectionQuery(PageQuery):
    """Which connections are requested."""

    tenant_id: Id | None = Field(None, description="Only connections of this tenant.")
    name: Word | None = Field(None, description="Only connections with this name, in any case.")
    state: ConnectionState | None = Field(None, description="Only connections in this state.")
    handover: HandoverState | None = Field(None, description="Only connections whose site is in this state.")
    requested_by: Who | None = REQUESTED_BY
    onboarding_id: Id | None = Field(None, description="Only the connection of this onboarding.")
    labels: Labels | None = LABELS

    def shows(self, connection: records.Connection) -> bool:
        """Whether a connection passes the filters."""
        return (
            self.tenant_id in {None, connection.tenant}
            and (self.name is None or records.key_of(self.name) == records.key_of(connection.name))
            and self.state in {None, connection.state}
            and self.handover in {None, connection.handover_state}
            and self.onboarding_id in {None, connection.onboarding}
            and labelled(connection.request.labels, self.labels)
        )


class Connections:
    """Finds connections for callers, and shows them."""

    def __init__(self, *, store: ConnectionStore, cadence: Cadence, clock: Clock) -> None:
        self._store = store
        self._cadence = cadence
        self._clock = clock

    async def find(self, call: Call[Any, Any]) -> records.Connection:
        """The connection in the path, if the caller may see it. Other connections do not seem to exist."""
        found = await self._store.get(call.path["id"])
        if found is None or not call.caller.may_see(found.requester):
            raise ProblemError(requests.NOT_FOUND, what=phrases.THE_CONNECTION.of())
        return found

    def document(self, connection: records.Connection) -> Connection:
        """How callers see a connection now."""
        return Connection.of(connection, upcoming(connection, self._cadence, self._clock.now()))


class ConnectionsResource:
    """The endpoints."""

    def __init__(
        self,
        *,
        connections: Connections,
        store: ConnectionStore,
        operations: Operations,
        handovers: Handovers,
        links: NoticeLinks | None,
        unreadable: UnreadableConnections,
        vault_tenant: str,
    ) -> None:
        """``vault_tenant`` is the tenant of the vault, where people sign in to read a secret.

        ``links`` make the address with which a script confirms the handover; None if scripts do not confirm.
        """
        self._unreadable = unreadable
        self._connections = connections
        self._handovers = handovers
        self._links = links
        self._store = store
        self._operations = operations
        self._vault_tenant = vault_tenant

    @endpoint(
        "GET /connections",
        name="list_connections",
        answers={200: ConnectionList},
    )
    async def list(self, call: Call[ConnectionQuery, None]) -> ConnectionList:
        """List connections, by tenant."""
        query, caller = call.query, call.caller
        asked = requester(query.requested_by, caller)
        owner = asked if caller.operates else caller.id
        if asked not in {None, owner}:
            return ConnectionList(value=())
        found, continuation = await filled(
            lambda size, continuation: self._store.page(
                requester=owner, tenant=query.tenant_id, size=size, continuation=continuation
            ),
            query.shows,
            size=query.size,
            continuation=query.continuation,
        )
        documents = await self._store.shown(found, self._connections.document, lambda connection: connection)
        return ConnectionList.of(documents, call.next_link(continuation, maxpagesize=query.size))

    @endpoint(
        "GET /connections/{id}",
        name="get_connection",
        answers={200: Connection},
        problems=(requests.NOT_FOUND,),
    )
    async def get(self, call: Call[Parameters, None]) -> Connection:
        """Get a connection."""
        return self._connections.document(await self._connections.find(call))

    @endpoint(
        "DELETE /connections/{id}",
        name="remove_connection",
        reserve=OwnerAction.REMOVE,
        answers={202: Operation},
        headers={202: WHERE},
        problems=(requests.NOT_FOUND, requests.SERVER_APP_SHARED),
    )
    async def remove(self, call: Call[Traced, None]) -> Reply:
        """Off-board a connection: remove its apps, client secret and grants permanently.

        Operators also off-board a connection whose record cannot be read.
        """
        try:
            found = await self._connections.find(call)
        except UnreadableRowError:
            known = await self._unreadable.removal_of(call.path["id"]) if call.caller.operates else None
            if known is None:
                raise
            return await self._operations.remove(call, known[0], owner=known[1])
        try:
            await self._store.need_unshared(found, shows=call.caller.may_see)
        except PermanentError as error:
            raise ProblemError(error, HTTPStatus.CONFLICT) from error
        wanted = Removal(
            onboarding=found.onboarding,
            request=found.request,
            connection=found.id,
        )
        return await self._operations.remove(call, wanted, owner=found.requester)

    @endpoint(
        "POST /connections/{id}/confirm",
        name="confirm_handover",
        reserve=OwnerAction.CONFIRM,
        answers={200: Connection},
        problems=(requests.NOT_FOUND, requests.CONNECTION_REMOVING),
    )
    async def confirm(self, call: Call[Parameters, None]) -> Connection:
        """Confirm that the site is connected: the handover script has run there.

        Only the first confirmation has an effect. Another one gets the same answer.
        """
        found = await self._connections.find(call)
        confirmed = await self._handovers.confirm(found, call.caller.author, ConfirmationWay.API)
        if confirmed is None:
            raise ProblemError(requests.CONNECTION_REMOVING, name=found.name)
        return self._connections.document(confirmed)

    @endpoint(
        "GET /connections/{id}/handover",
        name="get_handover",
        sensitive=True,
        answers={200: "text/plain"},
        problems=(requests.NOT_FOUND,),
    )
    async def handover(self, call: Call[HandoverQuery, None]) -> Reply:
        """Get the PowerShell script that connects or disconnects the site; it contains no secret."""
        found = await self._connections.find(call)
        if call.query.purpose is Purpose.REMOVAL:
            return script(operation_scripts.removal(found.name), f"remove-{found.id}.ps1")
        waits = found.handover_state is HandoverState.WAITING
        confirm_url = await self._links.handover(found, SCRIPT) if self._links and waits else None
        text = handover_script.script(
            handover_script.HandoverValues(
                request=found.request,
                tenant_name=found.tenant_name,
                tenant_domain=found.tenant_domain,
                server_name=found.server_app.name,
                server_app_id=found.server_app.app_id,
                app_id_uri=found.app_id_uri,
                client_name=found.client_app.name if found.client_app else EMPTY,
                client_app_id=found.client_app.app_id if found.client_app else "",
                secret=VaultSecret(
                    id=found.secret.vault_id,
                    tenant=self._vault_tenant,
                    environment=found.request.azure_environment,
                ),
                secret_ends_at=found.secret.ends_at,
                confirm_url=confirm_url or "",
            )
        )
        return script(text, f"connect-{found.id}.ps1")
