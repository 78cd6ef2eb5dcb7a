"""One deployment in the process of the test: two hosts on one storage account, and the simulated cloud.

All of the app is real, from the reading of an HTTP call to the requests of its clients. Every call to
storage and to the cloud can be pinned: it waits until the test lets it go.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import azure.functions as func
import httpx

from infra.local.cloud.faults import FaultSettings
from onboarding.parts.process import Parts
from onboarding.service import ENDPOINTS
from onboarding.settings import Settings
from onboarding.storage import names
from tests.interleavings.cloud import Change, InProcessCloud
from tests.interleavings.hosts import HandClock, Host
from tests.interleavings.pins import ACTOR, Pin
from tests.support.customers import FABRIKAM
from tests.support.memory import Call, MemoryTables
from tests.support.memory_ledgers import MemoryLedgers
from tests.support.memory_queues import MemoryQueues, Received
from tests.support.precreated import Precreated, precreated

T = TypeVar("T")

_ROUTES: Final = {endpoint.name: endpoint for endpoint in ENDPOINTS}
_LOCK: Final = timedelta(days=100)
"""A message is delivered again only if a test requests it."""

_PATIENCE: Final = timedelta(hours=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Made(Change):
    """A change, and when it was made."""

    at: datetime


class World:
    """The deployment, and everybody who acts on it."""

    def __init__(self, cloud: InProcessCloud, **settings: Any) -> None:
        """What the cloud already contains is not part of this deployment. ``settings`` override the usual."""
        self.clock = HandClock()
        self.began = self.clock.at
        self.tables = MemoryTables(self.around)
        self.queues = MemoryQueues(self.around, self.clock.now)
        self.ledgers = MemoryLedgers()
        self.cloud = cloud
        cloud.around = self.around
        cloud.changed = self._changed
        self._changes: list[Made] = []
        self.arrive: Any = None
        """What a scheduler does at each call."""
        self.known: set[str] = set()
        """IDs of objects in the cloud that are not this deployment's: they existed, or a test made them."""
        self.imports: set[str] = set()
        """Client IDs of the applications that a test registered."""
        self.calls = 0
        """The number of calls to storage and to the cloud until now."""
        self._registered: Precreated | None = None
        self._pins: list[Pin] = []
        self._tasks: list[asyncio.Task[Any]] = []
        for table in names.TABLES:
            self.tables.create(table)
        for queue in names.QUEUES:
            self.queues.create(queue)
        values: dict[str, Any] = {
            "storage_connection": "memory",
            "home_tenant_id": self.cloud.info["tenant"],
            "identity_client_id": self.cloud.info["identity"]["clientId"],
            "served_tenants": [FABRIKAM],
            "multitenant_client_id": self.cloud.info["multitenantClientId"],
            "key_vault_url": self.cloud.info["keyVault"],
            "api_audience": [self.cloud.info["audience"]],
            "public_url": "https://onboarding.example",
            "renew_before_days": 0,
            **settings,
        }
        self.settings = Settings(**values)
        storage = (self.tables, self.queues, self.ledgers)
        given = (self.settings, storage, self.clock, cloud)
        self.hosts = (Host(*given), Host(*given))
        self.known |= {each["id"] for each in self.objects()}
        self.note_grants()

    @property
    def parts(self) -> Parts:
        """The parts of the first host, for reading what is stored."""
        return self.hosts[0].parts

    def changes(self) -> Sequence[Made]:
        """What the app asked the cloud to change, in order."""
        return self._changes

    def _changed(self, change: Change) -> None:
        self._changes.append(Made(id=change.id, method=change.method, path=change.path, at=self.clock.now()))

    # Pins

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """One call to storage or to the cloud."""
        self.calls += 1
        for pin in self._pins:
            if pin.meets(call):
                pin.reached.set()
                await pin.gate.wait()
        if self.arrive is not None and ACTOR.get():
            await self.arrive(call)
        yield

    def pin(
        self, actor: str, name: str = "", place: str = "", row: str = "", *, skip: int = 0, times: int = 1
    ) -> Pin:
        """Pin the calls of an actor that match, before they take effect."""
        pin = Pin(actor=actor, name=name, place=place, row=row, skip=skip, times=times)
        self._pins.append(pin)
        return pin

    def go(self, actor: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Let an actor start something."""

        async def act() -> T:
            ACTOR.set(actor)
            return await work

        task = asyncio.create_task(act(), name=actor)
        self._tasks.append(task)
        return task

    async def until(self, pin: Pin, *tasks: asyncio.Task[Any]) -> None:
        """Wait until a call is pinned. Fails if everybody who could make the call has ended."""
        reached = asyncio.create_task(pin.reached.wait())
        waiting: set[asyncio.Task[Any]] = {reached, *tasks}
        while not pin.reached.is_set():
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=20)
            assert done, f"nobody comes to {pin}"
            waiting -= done
            assert pin.reached.is_set() or waiting != {reached}, f"nobody came to {pin}"
        await reached

    # People

    async def call(
        self,
        route: str,
        body: Any = None,
        *,
        caller: str = "operator",
        host: int = 0,
        key: str = "",
        **path: str,
    ) -> tuple[int, Any]:
        """Call the API; return the status and the document of the response."""
        endpoint, query = _ROUTES[route], path.pop("query", "")
        url = f"https://onboarding.example/api{endpoint.path.format(**path)}"
        request = func.HttpRequest(
            method=endpoint.method,
            url=f"{url}?{query}" if query else url,
            headers={"Authorization": caller, "Content-Type": "application/json"}
            | ({"Idempotency-Key": key} if key else {}),
            params=dict(parse_qsl(query)),
            route_params=path,
            body=json.dumps(body).encode() if body is not None else b"",
        )
        service = self.hosts[host].service
        resource = service.resource(endpoint.resource)
        response = await service.front.serve(request, endpoint, getattr(resource, endpoint.handler))
        return response.status_code, json.loads(response.get_body())

    async def must(self, route: str, body: Any = None, **more: Any) -> Any:
        """The document of a call that must succeed."""
        status, document = await self.call(route, body, **more)
        assert status < 300, document
        return document

    async def onboard(self, name: str, *, caller: str = "operator", **changes: Any) -> str:
        """Request an onboarding; its ID."""
        body = {"name": name, "tenantId": self.cloud.info["tenant"], **changes}
        return str((await self.must("create_onboarding", body, caller=caller))["id"])

    async def connected(self, name: str, **changes: Any) -> str:
        """A connection that was onboarded; its ID."""
        onboarding = await self.onboard(name, **changes)
        await self.settle()
        document = await self.must("get_onboarding", id=onboarding)
        assert document["status"] == "Succeeded", document
        return str(document["connectionId"])

    def refuse(self, method: str, path: str, *, code: str, status: int = 403, skip: int = 0) -> None:
        """Let Graph refuse one of the next requests."""
        self._fault(method, path, kind="status", status=status, code=code, skip=skip)

    def not_found(self, method: str, path: str) -> None:
        """Let a replica of Graph that does not know the secret yet answer one of the next requests."""
        message = "No password credential found with keyId."
        self._fault(
            method, path, kind="status", status=400, code="Request_BadRequest", message=message, skip=0
        )

    def lose(self, method: str, path: str) -> None:
        """Lose the response to one of the next requests to Graph, after the request took effect."""
        self._fault(method, path, kind="drop", when="after")

    def _fault(self, method: str, path: str, **more: Any) -> None:
        settings = {"service": "graph", "method": method, "path": path, "times": 1, **more}
        self.cloud.faults.add(FaultSettings.model_validate(settings))

    async def look(self, service: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call Graph or the vault as an administrator, as ``Portal.look`` does."""
        sent = json.dumps(body).encode() if body is not None else b""
        ask = {"graph": self.cloud.graph_as_administrator, "keyVault": self.cloud.vault_as_administrator}
        answer = ask[service](method, path, sent)
        assert answer.status < httpx.codes.BAD_REQUEST, answer.body
        return httpx.Response(answer.status, content=answer.encoded())

    async def graph(self, path: str) -> Any:
        """A document of Graph."""
        return self.cloud.graph(path)

    async def registered(self, *, consent: bool = True, discovery: bool = False) -> Precreated:
        """Two applications that an administrator registered by hand."""
        portal: Any = self
        apps = await precreated(portal, consent=consent, user_discovery=discovery)
        self.imports |= {apps.server["appId"], apps.client["appId"]}
        self.note_grants()
        self._registered = apps
        return apps

    def imported(self) -> dict[str, Any]:
        """The fields of a request that imports the last registered applications."""
        assert self._registered is not None
        return self._registered.request()

    def objects(self) -> Iterator[dict[str, Any]]:
        """Applications and service principals, including deleted ones, and the secrets in the vault."""
        deleted = "/directory/deletedItems/microsoft.graph"
        kinds = ("/applications", f"{deleted}.application", f"{deleted}.servicePrincipal")
        for path in (*kinds, "/servicePrincipals"):
            yield from self.cloud.graph(f"{path}?$top=999")["value"]
        yield from self.cloud.vault("GET", "/secrets")["value"]

    def note_grants(self) -> None:
        """Attribute the grants that exist now to the tenant's administrators."""
        for principal in self.cloud.graph("/servicePrincipals?$top=999")["value"]:
            self.known.add(principal["id"])
            for path in ("oauth2PermissionGrants", "appRoleAssignments"):
                found = self.cloud.graph(f"/servicePrincipals/{principal['id']}/{path}")
                self.known |= {f"{grant['id']} {grant.get('scope')}" for grant in found["value"]}

    # Hosts

    async def handle(self, host: int, queue: str, received: Received) -> None:
        """Let a host handle a message, and delete it."""
        await self.hosts[host].parts.engines[queue].handle(received.body, received.id)
        await self.queues.delete(queue, received)

    async def take(self, queues: Sequence[str] = ()) -> tuple[str, Received] | None:
        """The next visible message of the queues (by default all)."""
        for queue in queues or self.parts.runs:
            if received := await self.queues.receive(queue, lock=_LOCK):
                return queue, received
        return None

    async def drain(self, host: int = 0, *, queues: Sequence[str] = ()) -> int:
        """Handle the visible messages of the queues (by default all) until none is left; their number."""
        count = 0
        while found := await self.take(queues):
            await self.handle(host, *found)
            count += 1
        return count

    async def settle(
        self, host: int = 0, *, patience: timedelta = _PATIENCE, queues: Sequence[str] = ()
    ) -> None:
        """Handle messages, including those that become visible within a while, until there are none."""
        limit = self.clock.at + patience
        while True:
            await self.drain(host, queues=queues)
            due = self._next(queues)
            if due is None or due > limit:
                return
            self.clock.at = max(self.clock.at, due)

    def _next(self, queues: Sequence[str]) -> datetime | None:
        """When the next message becomes visible that nobody is handling."""
        waiting = [
            message.visible_at
            for queue in queues or self.parts.runs
            for message in self.queues._messages[queue]
            if message.visible_at < self.clock.at + _LOCK / 2
        ]
        return min(waiting, default=None)

    async def sweep(self, host: int = 0) -> None:
        """Run the timers of the runs, at a time when everything that stalled has stalled for long enough."""
        self.clock.at += timedelta(minutes=20)
        for engine in self.hosts[host].parts.engines.values():
            await engine.sweep()

    async def close(self) -> None:
        """End what still waits."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cloud.faults.clear()
