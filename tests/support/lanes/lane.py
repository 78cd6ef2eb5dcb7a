"""One local cloud with one host behind the proxy, which runs onboardings one after another with faults."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
from azure.core.exceptions import ResourceNotFoundError

from infra.local import surroundings
from infra.local.stack import ROOT, Stack
from onboarding.cmg.versions import PROVIDERS, DeploymentModel
from onboarding.storage import names
from tests.support.lanes.exchanges import CLOUD, QUEUE, TABLE, Exchange, Message
from tests.support.lanes.hosts import Host
from tests.support.lanes.points import Onboarding, Point, StuckError
from tests.support.lanes.proxy import AFTER, Drop, Interference, Proxy
from tests.support.lanes.scene import Scene
from tests.support.portal import unique
from tests.support.stacks import NEVER

LOCK_SECONDS: Final = "60"
"""How long a received message is hidden. Nobody waits that long: when its host was killed, the lane lets the
lock expire at once. A host that is merely slow never loses a message."""

_DEADLINE: Final = 150.0


class Lane(Scene):
    """A local cloud, its host, and the proxy between them."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        cloud = stack.cloud_info
        backends = {
            QUEUE: f"http://127.0.0.1:{stack.account.queue}",
            TABLE: f"http://127.0.0.1:{stack.account.table}",
            **{name: cloud[name] for name in CLOUD},
        }
        self.proxy = Proxy(backends, Path(cloud["certificate"]), stack.folder)
        self.settings: dict[str, str] = {}
        """Settings of the host that differ from the usual ones; they are read when it starts."""
        self.host = self.new_host("host")
        self.kills = 0
        self.hurried = True
        """Whether delayed messages arrive at once; otherwise they arrive when they are due."""
        self.on_put: Callable[[Message], Any] = lambda _: None
        """Called for each message that was put on a queue."""
        self.written: list[bytes] = []
        """Everything that was ever sent to the storage account."""
        self._points: Sequence[Point] = ()
        self._struck = False
        self._open = False
        self._resume = asyncio.Event()
        self._alive = asyncio.Event()
        self._chores: set[asyncio.Task[None]] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, folder: Path):
        """A running lane in a folder."""
        async with Stack(folder, hosts=0, permissions="consent") as stack:
            lane = cls(stack)
            try:
                await lane.proxy.start()
                lane.proxy.watcher = lane._watch
                # Short enough that a provider is registered at the next check.
                await lane.portal.control("PUT", "/settings", {"providerSeconds": 0.02})
                await lane.start_host()
                yield lane
            finally:
                await lane.host.kill()
                await lane.proxy.close()
                await lane.close()

    @property
    def address(self) -> str:
        """The URL of the host's API."""
        return self.host.address

    def new_host(self, name: str) -> Host:
        """A host that reaches everything outside through the proxy."""
        return Host(self.stack.folder, self._environment, name)

    async def start_host(self) -> None:
        """Start the host (again)."""
        self._open = True
        await self.host.start()
        self._alive.set()

    async def kill_host(self) -> None:
        """Kill the host, let its sent requests arrive, and let the locks on its messages expire."""
        self._alive.clear()
        self._open = False
        await self.host.kill()
        self.kills += 1
        self._resume.set()
        await self.proxy.until(lambda: not self.proxy.in_flight)
        await self.expire_locks()

    async def expire_locks(self) -> None:
        """Make every message visible that a host is handling."""
        for message in list(self.proxy.labels.messages.values()):
            if not message.hidden:
                await self._show(message)

    async def restart_host(self, **settings: str) -> None:
        """Start a new host, with other settings."""
        self.settings = settings
        await self.kill_host()
        await self.start_host()

    async def begin(self, points: Iterable[Point] = (), **request: object) -> Onboarding:
        """Set the points of the faults; the onboarding is not requested yet."""
        self._points = list(points)
        self.proxy.labels.forget()
        self.proxy.exchanges.clear()
        name = unique("run")
        apps = {"serverApp": {"name": f"{name}-server"}, "clientApp": {"name": f"{name}-client"}}
        return Onboarding(request=self.portal.request(name=name, **apps, **request))

    async def run(self, points: Iterable[Point] = (), **request: object) -> Onboarding:
        """Run one onboarding, with all its faults, until nothing changes any longer."""
        onboarding = await self.begin(points, **request)
        await self.follow(onboarding)
        return onboarding

    async def follow(self, onboarding: Onboarding, seconds: float = _DEADLINE) -> None:
        """Request an onboarding and wait for its end."""
        try:
            await self.see_through(self.ask(onboarding), seconds)
        finally:
            onboarding.exchanges = list(self.proxy.exchanges)
            self.written += [each.body for each in onboarding.exchanges if each.service in (QUEUE, TABLE)]

    async def see_through(self, ask: Coroutine[Any, Any, None], seconds: float = _DEADLINE) -> None:
        """Send a request and run what follows, with all its faults, until nothing changes any longer."""
        asking = asyncio.create_task(ask)
        try:
            async with asyncio.timeout(seconds):
                while not self._at_rest(asking):
                    await self.proxy.until(lambda: self._struck or self._at_rest(asking))
                    if self._struck:
                        self._struck = False
                        await self.kill_host()
                        await self.start_host()
                await asking
        except TimeoutError:
            raise StuckError(self._where_it_stands()) from None
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def operate(self, method: str, path: str, points: Iterable[Point] = ()) -> list[Exchange]:
        """Send an operator's repeatable request and wait for its end; return what was done."""
        self._points = list(points)
        self.proxy.exchanges.clear()

        async def ask() -> None:
            while True:
                await self._alive.wait()
                with contextlib.suppress(httpx.TransportError):
                    url = f"{self.address}{path}"
                    answer = await self.portal.call(method, url, caller="operator")
                    if answer.status_code not in {409, 500, 503}:
                        assert answer.status_code in {202, 404}, answer.text
                        await self.proxy.moved()
                        return

        await self.see_through(ask())
        return list(self.proxy.exchanges)

    async def ask(self, onboarding: Onboarding) -> None:
        """Repeat a request with the same key until it is answered, as portals do after a lost connection."""
        headers = {"Idempotency-Key": onboarding.key}
        while not onboarding.id:
            await self._alive.wait()
            with contextlib.suppress(httpx.TransportError):
                answer = await self.portal.call(
                    "POST",
                    f"{self.address}/api/onboardings",
                    caller=onboarding.caller,
                    headers=headers,
                    json=onboarding.request,
                )
                assert answer.status_code in {202, 500, 503}, answer.text
                onboarding.id = answer.json().get("id", "")
        await self.proxy.moved()

    async def forget_dormant(self) -> None:
        """Delete the messages that would later wake what no longer waits."""
        for message in list(self.proxy.labels.messages.values()):
            if message.dormant:
                await self.queues.get_queue_client(message.queue).delete_message(message.id, message.receipt)
                del self.proxy.labels.messages[message.id]

    async def sweep(self) -> None:
        """Let the host search for stalled onboardings, and wait for its end."""
        self.proxy.exchanges.clear()
        await self.fire_sweep()
        # The sweep reads the open notices last, and there are none.
        looked = ["read noticeindex"] * 2
        await self.proxy.until(
            lambda: [each.label for each in self.proxy.exchanges if each.label in looked] == looked
        )
        await self.proxy.until(lambda: not self.proxy.labels.messages and not self.proxy.in_flight)

    async def fire_sweep(self) -> None:
        """Let the host search for stalled onboardings."""
        answer = await self.portal.http.post(f"{self.address}/admin/functions/sweep_onboardings", json={})
        assert answer.status_code == 202, answer.text

    def expect(self, *points: Point) -> None:
        """Set the points of the faults from now on."""
        self._points = points

    async def struck(self) -> None:
        """Wait until the host is at a point where it is killed."""
        await self.proxy.until(lambda: self._struck)
        self._struck = False

    async def recover(self) -> None:
        """Start over after an onboarding that did not end."""
        self._struck = False
        await self.kill_host()
        for queue in names.QUEUES:
            await self.queues.get_queue_client(queue).clear_messages()
        self.proxy.labels.messages.clear()
        await self.start_host()

    async def unregister_providers(self) -> None:
        """Replace the subscription with one that has none of the resource providers yet."""
        subscription = self.stack.cloud_info["subscription"]
        for namespace in PROVIDERS[DeploymentModel.SCALE_SET]:
            path = f"/subscriptions/{subscription}/providers/{namespace}/unregister?api-version=2021-04-01"
            await self.portal.look("resourceManager", "POST", path)

    def _where_it_stands(self) -> str:
        last = [f"{each.label} {each.status}" for each in self.proxy.exchanges if each.label][-8:]
        left = [f"{each.queue} {each.step}" for each in self.proxy.labels.messages.values()]
        return f"it did not come to an end; messages: {left}; last: {last}; in flight: {self.proxy.in_flight}"

    def _at_rest(self, asking: asyncio.Task[None]) -> bool:
        moving = any(not message.dormant for message in self.proxy.labels.messages.values())
        return asking.done() and not (self._struck or moving or self.proxy.in_flight)

    async def _watch(self, exchange: Exchange, when: str) -> Interference:
        if not self._open:  # the sender is dead: the request did not arrive, or nobody gets its response
            return Drop()
        if when == AFTER and exchange.service == QUEUE:
            self._look_at_messages(exchange)
        struck = [point for point in self._points if point.strikes(exchange, when)]
        if not struck:
            return None
        if struck[0].interference is not None:
            return struck[0].interference
        self._resume.clear()
        self._struck = True
        await self.proxy.moved()
        await self._resume.wait()
        return Drop()

    def _look_at_messages(self, exchange: Exchange) -> None:
        """Bring forward what is due later: messages that were put with a delay or returned after an error."""
        for message in self.proxy.labels.messages.values():
            if message.fresh:
                message.fresh = False
                self.on_put(message)
                if message.hidden and self.hurried and not message.dormant:
                    self._hurry(message)
        pause = exchange.query.get("visibilitytimeout")
        if exchange.method == "PUT" and pause != [self._lock_seconds] and self.hurried:
            given_back = self.proxy.labels.messages.get(exchange.path.rpartition("/")[2])
            if given_back:
                self._hurry(given_back)

    def _hurry(self, message: Message) -> None:
        message.hidden = False
        chore = asyncio.create_task(self._show(message))
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    @property
    def _lock_seconds(self) -> str:
        return self.settings.get("LOCAL_MESSAGE_LOCK_SECONDS", LOCK_SECONDS)

    async def _show(self, message: Message) -> None:
        """Make a hidden message visible now, as if the time until then had passed."""
        client = self.queues.get_queue_client(message.queue)
        with contextlib.suppress(ResourceNotFoundError):
            changed = await client.update_message(message.id, message.receipt, visibility_timeout=0)
            message.receipt = str(changed.pop_receipt)

    def _environment(self) -> Mapping[str, str]:
        cloud = {**self.stack.cloud_info, **{name: self.proxy.url(name) for name in CLOUD}}
        account = self.stack.account
        text = account.connection_string
        for service, port in ((QUEUE, account.queue), (TABLE, account.table)):
            text = text.replace(f":{port}/", f":{self.proxy.ports[service]}/")
        usual = surroundings.of_host(
            api="",
            cloud={**cloud, "certificate": str(self.proxy.trusted)},
            storage=dict.fromkeys(surroundings.connection(account), text),
            clock=self.stack.clock_file,
            root=ROOT,
        )
        own = {
            "LOCAL_MESSAGE_LOCK_SECONDS": LOCK_SECONDS,
            "SWEEP_SCHEDULE": NEVER,
            "STALLED_AFTER_SECONDS": "0.001",  # the sweep considers everything without progress stalled
            "EXPIRY_SCHEDULE": NEVER,
            "COVERAGE_PROCESS_START": "",  # a killed host has no time to record it
        }
        return {**usual, **own, **self.settings}
