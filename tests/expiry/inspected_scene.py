"""Connections whose apps people change in different ways, inspected for several weeks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from onboarding.connections.records import AppRecord, Connection
from onboarding.words.word import Word, read
from tests.expiry.site import Site
from tests.support.connections import Fleet, onboarding_request
from tests.support.customers import FABRIKAM
from tests.support.portal import unique
from tests.support.precreated import precreated

INSPECTION = "sweep_directory"


RESOLVED = "DifferenceResolved"
WEEK = timedelta(days=7)


REDIRECTS = {"web": {"redirectUris": ["http://localhost"]}}


Record = Mapping[str, Any]


async def inspect(site: Site, after: timedelta = WEEK) -> None:
    """Let time pass, and run the inspections that are due then."""
    await site.advance(after)
    await site.fire(INSPECTION)
    await site.settled()


@dataclass(kw_only=True, slots=True)
class Findings:
    """What is known after an inspection, by the name of a connection in the scene."""

    documents: dict[str, Any] = field(default_factory=dict)
    announced: dict[str, list[str]] = field(default_factory=dict)
    open: dict[str, set[str]] = field(default_factory=dict)  # keys that no event has closed

    def codes(self, name: str) -> set[str]:
        """The codes of the findings."""
        return {each["code"] for each in self.documents[name]["directory"]["differences"]}

    def end(self, name: str) -> datetime:
        """When the secret expires."""
        return datetime.fromisoformat(self.documents[name]["expirations"]["secret"]["endsAt"])

    def inspected_at(self, name: str) -> str:
        """When it was inspected."""
        return str(self.documents[name]["directory"]["inspectedAt"])


class Scene:
    """Connections whose apps people change in different ways, and the inspections of several weeks."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.fleet = Fleet(site.tables)
        self.records: dict[str, Record] = {}
        self.inspections: list[Findings] = []
        self.newer: datetime
        self.untouched: Connection

    async def play(self) -> None:
        """Play the whole scene."""
        model = await self.site.connection()
        self.records["model"] = model
        names = ("untouched", "drift", "removed", "replaced", "shifted", "deleted", "blocked", "imported")
        await asyncio.gather(self.add("near", days=45), *(self.add(name) for name in names))
        await self.patch("imported", "serverApp", {"isDeviceOnlyAuthSupported": None})  # as in the article
        await self.fleet.store.change(self.records["imported"]["id"], _as_imported)
        await self.fleet.add(replace(await self.stored("model"), tenant=FABRIKAM), datetime.now(UTC))
        key = model["id"].partition(".")[2]
        self.records["unreadable"] = {"id": f"{FABRIKAM}.{key}"}
        await self.first_week()
        await self.inspect(WEEK)
        await self.second_week()
        await self.inspect(WEEK)
        await self.drift()
        await self.patch("imported", "serverApp", {"isDeviceOnlyAuthSupported": None})
        await self.inspect(WEEK)
        await self.inspect(timedelta(days=1))
        self.untouched = await self.stored("untouched")

    async def add(self, name: str, *, days: float = 365) -> None:
        """A connection like one that was onboarded, for a pair of apps of its own."""
        model, graph = await self.stored("model"), self.site.graph
        pair = await precreated(
            self.site, lifetime=timedelta(days=days), server={"isDeviceOnlyAuthSupported": True}
        )
        apps = [
            AppRecord(
                name=app["displayName"],
                app_id=app["appId"],
                object_id=app["id"],
                service_principal_id=(await graph(f"/servicePrincipals(appId='{app['appId']}')"))["id"],
            )
            for app in (pair.server, pair.client)
        ]
        server, client = apps
        shown = await graph(f"/applications/{server.object_id}")
        record = replace(
            model,
            name=Word(unique(name)),
            server_app=server,
            client_app=client,
            app_id_uri=shown["identifierUris"][0],
            secret=replace(
                model.secret, key_id=shown["passwordCredentials"][0]["keyId"], ends_at=pair.ends_at
            ),
        )
        await self.fleet.add(record, datetime.now(UTC))
        self.records[name] = await self.site.get(f"/api/connections/{record.id}", caller="operator")

    async def first_week(self) -> None:
        """What people do before the first inspection."""
        await self.drift()
        await self.remove_secret("removed")
        self.newer = await self.add_secret("replaced")
        await self.add_secret("imported")
        shifted = (await self.stored("shifted")).secret
        shifted = replace(shifted, ends_at=shifted.ends_at - timedelta(days=100))
        await self.fleet.store.change(
            self.records["shifted"]["id"], lambda found: replace(found, secret=shifted)
        )
        await self.graph("DELETE", f"/applications/{self.records['deleted']['serverApp']['objectId']}")
        client = self.records["blocked"]["clientApp"]["servicePrincipalId"]
        for grant in (await self.site.graph(f"/servicePrincipals/{client}/oauth2PermissionGrants"))["value"]:
            await self.graph("DELETE", f"/oauth2PermissionGrants/{grant['id']}")
        server = self.records["blocked"]["serverApp"]["servicePrincipalId"]
        await self.graph("PATCH", f"/servicePrincipals/{server}", {"accountEnabled": False})

    async def second_week(self) -> None:
        """What people do between the first and the second inspection."""
        await self.patch("drift", "serverApp", REDIRECTS)
        await self.patch("drift", "clientApp", {"isFallbackPublicClient": True})
        await self.remove_secret("replaced")
        await self.remove_secret("imported")
        await self.patch("imported", "serverApp", {"isDeviceOnlyAuthSupported": True})
        app = self.records["deleted"]["serverApp"]
        for each in (app["objectId"], app["servicePrincipalId"]):
            await self.graph("POST", f"/directory/deletedItems/{each}/restore")

    async def drift(self) -> None:
        """Two differences from the profile."""
        await self.patch("drift", "serverApp", {"web": {"redirectUris": []}})
        await self.patch("drift", "clientApp", {"isFallbackPublicClient": False})

    async def inspect(self, after: timedelta) -> None:
        """Run an inspection, and keep its findings."""
        await inspect(self.site, after)
        found = Findings()
        inbox = (await self.site.control("GET", "/inbox/notices")).json()["value"]
        for name, record in self.records.items():
            found.documents[name] = await self.site.get(f"/api/connections/{record['id']}", caller="operator")
            events = [
                each["body"] for each in inbox if each["body"]["source"] == f"/connections/{record['id']}"
            ]
            assert len({event["id"] for event in events}) == len(events)
            kinds = sorted(event["type"].rpartition(".")[2] for event in events)
            found.announced[name] = [kind for kind in kinds if kind != RESOLVED]
            found.open[name] = set()
            for event in sorted(events, key=lambda event: str(event["time"])):
                found.open[name].add(event["data"]["key"])
                found.open[name] -= set(event["data"]["closes"])
        self.inspections.append(found)

    async def stored(self, name: str) -> Connection:
        """A stored connection."""
        found = await self.fleet.store.get(self.records[name]["id"])
        assert found
        return found

    async def graph(self, method: str, path: str, body: Any = None) -> None:
        """Change something by hand."""
        await self.site.look("graph", method, f"/v1.0{path}", body)

    async def patch(self, name: str, app: str, body: Any) -> None:
        """Change an application by hand."""
        await self.graph("PATCH", f"/applications/{self.records[name][app]['objectId']}", body)

    async def add_secret(self, name: str) -> datetime:
        """Add a client secret by hand, and return its expiration."""
        end = (datetime.now(UTC) + timedelta(days=500)).replace(microsecond=0)
        body = {"passwordCredential": {"displayName": "by hand", "endDateTime": end.isoformat()}}
        await self.graph("POST", f"{self._application(name)}/addPassword", body)
        return end

    async def remove_secret(self, name: str) -> None:
        """Remove the recorded client secret by hand."""
        body = {"keyId": self.records[name]["secret"]["keyId"]}
        await self.graph("POST", f"{self._application(name)}/removePassword", body)

    def _application(self, name: str) -> str:
        return f"/applications/{self.records[name]['serverApp']['objectId']}"


def _as_imported(found: Connection) -> Connection:
    """The same connection, for an app that existed before."""
    return replace(found, request=onboarding_request(name=read(found.name), imported=True))
