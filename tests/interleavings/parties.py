"""What two requesters of two tenants have: everything that somebody else could change unnoticed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.local.cloud.environments import CUSTOMER
from onboarding.connections.records import Connection
from onboarding.lifecycle.requests import REQUESTER
from onboarding.storage import names
from tests.interleavings.world import World
from tests.support import golden
from tests.support.customers import FABRIKAM
from tests.support.portal import unique
from tests.support.precreated import Precreated, consented, precreated

REQUESTERS: Final = {"requester": "requester-1", "other": "requester-2"}
"""Their object IDs, by the names that they use as callers."""

_VARYING: Final = ("directory", "nextWarning")
_GRANTS: Final = ("oauth2PermissionGrants", "appRoleAssignments")


@dataclass(frozen=True, kw_only=True, slots=True)
class Had:
    """What a connection has and shows, and what its owners get warnings about."""

    requester: str
    tenant: str
    has: Mapping[str, Any]


class Parties:
    """A deployment, two requesters, and the administrators of two tenants."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tenants = (str(world.cloud.info["tenant"]), FABRIKAM)
        self.by_hand: dict[str, tuple[str, Precreated]] = {}
        """Who registered applications by hand, and what they are, by the client ID of the server app."""
        info = world.cloud.info
        self._service = (info["identity"]["clientId"], info["multitenantClientId"])
        self._before = {tenant: {app["id"] for app in self._apps(tenant)} for tenant in self.tenants}

    # What exists

    def _apps(self, tenant: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.world.cloud.graph("/applications?$top=999", tenant)["value"]
        return found

    def apps(self, tenant: str) -> list[dict[str, Any]]:
        """The applications of a tenant, as any member of it can read them."""
        return [app for app in self._apps(tenant) if app["id"] not in self._before[tenant]]

    def connections(self) -> list[Connection]:
        """All connections."""
        rows = self.world.tables._rows[names.CONNECTIONS].values()
        return [Connection.from_row(row) for row in rows if not row.partition.startswith("~")]

    def app(self, connection: Connection) -> Any:
        """The server app of a connection; None if it is gone."""
        return self.world.cloud.graph(
            f"/applications(appId='{connection.server_app.app_id}')", connection.tenant
        )

    async def requesters(self) -> dict[str, str]:
        """The requesters of all onboardings, by ID."""
        store = self.world.parts.onboarding_runs.store
        runs = {partition for partition, _ in list(self.world.tables._rows[names.ONBOARDINGS])}
        loaded = [await store.load(run) for run in sorted(runs)]
        return {run.head.id: run.head.lists[REQUESTER] for run in loaded if run}

    async def consent(self, tenant: str, app_id: str) -> None:
        """The administrator of the tenant consents to what a manually registered app and its sibling need."""
        member: Any = Member(self.world, tenant)
        made = self.by_hand[app_id][1]
        with contextlib.suppress(AssertionError):  # it was already done
            await consented(member, made.server, made.client)

    async def registered(
        self, caller: str, tenant: str, *, discovery: bool, revision: str = golden.NEWEST
    ) -> Precreated:
        """Applications that a requester registers as a member of the tenant, without anybody's consent."""
        member: Any = Member(self.world, tenant)
        domain = "contoso.com" if tenant == self.tenants[0] else CUSTOMER.domains[0]
        uri = {"identifierUris": [f"https://{domain}/{unique('cmg')}"]}
        made = await precreated(
            member, consent=False, user_discovery=discovery, server=uri, revision=revision
        )
        for app in (made.server, made.client):
            self.by_hand[app["appId"]] = (caller, made)
        return made

    async def registered_first(self, tenant: str, unique_name: str) -> None:
        """An application that a member of the tenant registers under the name that an onboarding would use.

        It has a secret that only the member knows, and the service is one of its owners.
        """
        member = Member(self.world, tenant)
        body = {"displayName": "first", "uniqueName": unique_name}
        app = (await member.look("graph", "POST", "/v1.0/applications", body)).json()
        home, elsewhere = self._service
        client = home if tenant == self.tenants[0] else elsewhere
        owner = (await member.graph(f"/servicePrincipals(appId='{client}')"))["id"]
        path = f"/v1.0/applications/{app['id']}"
        body = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{owner}"}
        await member.look("graph", "POST", f"{path}/owners/$ref", body)
        password = {"passwordCredential": {"displayName": "cmg"}}
        await member.look("graph", "POST", f"{path}/addPassword", password)

    # What must stay unchanged

    async def look(self) -> dict[str, Had]:
        """What each connection has now."""
        found = {}
        for connection in self.connections():
            document = await self.world.must("get_connection", id=connection.id)
            has = {name: value for name, value in document.items() if name not in _VARYING}
            for app in connection.apps:
                has[app.app_id] = self._app(connection.tenant, app.app_id)
            for secret in filter(None, (connection.secret, connection.pending)):
                has[secret.vault_id] = self.world.cloud.vault(
                    "GET", "/secrets/" + secret.vault_id.partition("/secrets/")[2]
                )
            has["warnings"] = sorted(self._rows(names.WARNINGS, connection.id))
            has["calendar"] = sorted(self._rows(names.CALENDAR, connection.id))
            has["notices"] = sorted(self._rows(names.NOTICES, connection.id))
            found[connection.id] = Had(
                requester=connection.requester, tenant=connection.tenant, has=json.loads(json.dumps(has))
            )
        return found

    def _app(self, tenant: str, app_id: str) -> Any:
        """An application, and its permissions."""
        app = self.world.cloud.graph(f"/applications(appId='{app_id}')", tenant)
        return app and [app, sorted(self.grants(tenant, app_id))]

    def _rows(self, table: str, connection: str) -> Iterator[str]:
        for row in self.world.tables._rows[table].values():
            text = json.dumps(dict(row.columns), default=str)
            if connection in text:
                yield f"{row.partition} {row.key} {text}"

    def grants(self, tenant: str, app_id: str) -> Iterator[str]:
        """The permissions of an application in its tenant."""
        cloud = self.world.cloud
        principal = cloud.graph(f"/servicePrincipals(appId='{app_id}')", tenant)
        for kind in _GRANTS if principal else ():
            for grant in cloud.graph(f"/servicePrincipals/{principal['id']}/{kind}", tenant)["value"]:
                yield f"{grant['resourceId']} {grant.get('scope') or grant.get('appRoleId')}"

    def permissions(self) -> dict[str, set[str]]:
        """The permissions of the applications that the service did not create, by client ID."""
        return {
            app["appId"]: set(self.grants(tenant, app["appId"]))
            for tenant in self.tenants
            for app in self.apps(tenant)
            if app["createdByAppId"] not in self._service
        }


class Member:
    """Somebody in a tenant, with the calls that ``precreated`` needs."""

    def __init__(self, world: World, tenant: str) -> None:
        self._world = world
        self._tenant = tenant

    async def look(self, _service: str, method: str, path: str, body: Any = None) -> Any:
        """A call of Graph."""
        sent = json.dumps(body).encode() if body is not None else b""
        answer = self._world.cloud.graph_as_administrator(method, path, sent, self._tenant)
        assert "error" not in (answer.body or {}), answer.body
        return _Answer(answer.body)

    async def graph(self, path: str) -> Any:
        """A document of Graph."""
        return self._world.cloud.graph(path, self._tenant)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The body of an answer."""

    body: Any

    def json(self) -> Any:
        """The document."""
        return self.body
