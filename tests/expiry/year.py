"""A simulated year: which warnings were due, which arrived, and whether they are the same.

``make year`` or ``python -m tests.expiry.year`` runs it in full against a local cloud of its own and prints
the report; the tests run a shorter form.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from azure.data.tables.aio import TableServiceClient

from onboarding.connections.cadence import Acknowledgement
from onboarding.connections.records import Connection
from onboarding.words import data
from tests.expiry.oracle import Oracle, Warned
from tests.expiry.site import SWEEP, Site
from tests.support.connections import Fleet, connection
from tests.support.stacks import local_cloud

START: Final = datetime(2027, 9, 1, tzinfo=UTC)
"""The year has a leap day."""

LENGTH: Final = timedelta(days=366)
_PAUSES: Final = (1, 1, 1, 1, 2, 3, 5, 9, 16)
"""Days between two runs of the timer: more than one is missed now and then."""


@dataclass
class Report:
    """The result of a simulated time."""

    due: set[Warned] = field(default_factory=set)
    arrived: Counter[Warned] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)  # what people did, and how often
    events: list[str] = field(default_factory=list)  # what happened to the timer, as text

    @property
    def faults(self) -> list[str]:
        """The faults: each warning that is missing, that was not due, or that arrived twice."""
        missing = [f"missing: {_shown(each)}" for each in sorted(self.due - set(self.arrived))]
        undue = [f"not due: {_shown(each)}" for each in sorted(set(self.arrived) - self.due)]
        twice = [
            f"{times} times: {_shown(each)}" for each, times in sorted(self.arrived.items()) if times > 1
        ]
        return missing + undue + twice

    def lines(self) -> Iterator[str]:
        """The report: what happened, each warning that was due and whether it arrived, and the sum."""
        yield from self.events
        for each in sorted(self.due, key=lambda warned: (warned.due_at, warned)):
            came = "arrived" if self.arrived[each] else "MISSING"
            yield f"{each.due_at:%Y-%m-%d %H:%M}  {came}  {_shown(each)}"
        yield from self.faults
        yield ", ".join(f"{what} {times} times" for what, times in self.people.items())
        yield f"{len(self.due)} warnings were due, {self.arrived.total()} arrived, {len(self.faults)} faults"


def _shown(warned: Warned) -> str:
    return f"{warned.connection} {warned.kind} {warned.ends_at:%Y-%m-%d %H:%M} {warned.days:+d} days"


class Year:
    """Connections with mixed expirations, people who renew or forget, and a timer that fails at times."""

    def __init__(
        self,
        site: Site,
        fleet: Fleet,
        size: int,
        *,
        pauses: Sequence[int] = _PAUSES,
        calm: int = 5,
        seed: int = 4,
    ) -> None:
        self.site = site
        self.fleet = fleet
        self.size = size
        self.pauses = pauses
        self.calm = calm  # runs of the timer between two failures
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.oracle = Oracle()
        self.report = Report()
        self.connections: dict[str, Connection] = {}
        self._seen: set[str] = set()  # IDs of events

    async def pass_by(self) -> Report:
        """Simulate the year."""
        now = START
        await self.site.at(now)
        await self._begin(now)
        courses = self._courses()
        while now < START + LENGTH:
            pause = timedelta(days=self.chance.choice(self.pauses))
            now = (now + pause).replace(hour=self.chance.randrange(24), minute=20)
            await self._people(now - timedelta(minutes=10), pause.days)
            await next(courses)(now)
        self.report.due = self.oracle.due
        return self.report

    async def _begin(self, now: datetime) -> None:
        """Connections that expire before, during and after the year; three of four come from an old site."""
        made = []
        for number in range(self.size):
            age = timedelta(days=self.chance.randrange(790), hours=self.chance.randrange(24))
            made.append(
                connection(
                    now + timedelta(days=self.chance.randrange(-20, 800), hours=self.chance.randrange(24)),
                    name=f"C-{number:03}",
                    app_made_at=now - age,
                    version="2403" if number % 4 else None,
                )
            )
        await asyncio.gather(*(self.fleet.add(each, now) for each in made))
        for each in made:
            self._know(each, now)

    def _know(self, record: Connection, now: datetime) -> None:
        """Pass the changed expirations of a connection to the oracle."""
        before = self.connections.get(data.text(record.name))
        self.connections[data.text(record.name)] = record
        for kind, ends_at in record.expirations.items():
            if before is None or before.expirations[kind] != ends_at:
                self.oracle.set(data.text(record.name), kind, ends_at, now)

    async def _people(self, now: datetime, days: int) -> None:
        """What people do over some days: renew in time or late, change an expiration by hand, acknowledge."""
        for record in list(self.connections.values()):
            left = (record.secret.ends_at - now).days
            urge = 0.1 if left < 0 else 0.03 if left < 60 else 0.0
            if self._happens(urge, days):
                self.report.people["renewed"] += 1
                await self._move(record, now + timedelta(days=self.chance.choice((180, 365, 730))), now)
            elif self._happens(0.001, days):
                self.report.people["changed by hand"] += 1
                by_hand = timedelta(days=self.chance.randrange(-5, 300), hours=self.chance.randrange(24))
                await self._move(record, now + by_hand, now)
            kept = self.connections[data.text(record.name)]
            for kind, ends_at in kept.expirations.items():
                if ends_at < now and self._happens(0.05, days):
                    self.report.people["acknowledged"] += 1
                    await self._acknowledge(kept, kind, now)

    def _happens(self, probability: float, days: int) -> bool:
        """Whether something with a daily probability happens within some days."""
        return self.chance.random() < 1 - (1 - probability) ** days

    async def _move(self, record: Connection, ends_at: datetime, now: datetime) -> None:
        renewed = await self.fleet.renew(record, ends_at.replace(minute=0), now)
        self._know(renewed, now)

    async def _acknowledge(self, record: Connection, kind: str, now: datetime) -> None:
        said = Acknowledgement(ends_at=record.expirations[kind], by="somebody", at=now, operator=True)
        await self.fleet.store.change(
            record.id, lambda found: replace(found, acknowledged={**found.acknowledged, kind: said})
        )
        self.oracle.acknowledge(data.text(record.name), kind)

    def _courses(self) -> Iterator[Callable[[datetime], Awaitable[None]]]:
        """What happens at each run of the timer: mostly a success."""
        troubles = (self._two_timers, self._kill, self._set_back, self._outage)
        for trouble in itertools.cycle(troubles):
            yield from itertools.repeat(self._run, self.calm)
            yield trouble

    async def _run(self, now: datetime) -> None:
        """The timer runs, and all its warnings are delivered."""
        await self.site.at(now)
        self.oracle.run(now)
        await self.site.fire(SWEEP)
        await self._collect(now)

    async def _two_timers(self, now: datetime) -> None:
        self._note(now, "two timers at once")
        await self.site.at(now)
        self.oracle.run(now)
        await asyncio.gather(self.site.fire(SWEEP), self.site.fire(SWEEP))
        await self._collect(now)

    async def _kill(self, now: datetime) -> None:
        """A warning that a killed host was about to deliver may arrive twice, with the same ID."""
        self._note(now, "the host is killed while the timer runs, and started anew")
        await self.site.at(now)
        await self.site.call("POST", f"/admin/functions/{SWEEP}", caller=None, json={})
        await self.site.restart_host()
        now += timedelta(minutes=17)
        await self.site.at(now)
        self.oracle.run(now)
        await self.site.fire(SWEEP)
        await self._drive_on()
        await self._collect(now, killed=True)

    async def _set_back(self, now: datetime) -> None:
        self._note(now, "the clock is set back by three days")
        await self._run(now - timedelta(days=3))
        await self._run(now)

    async def _outage(self, now: datetime) -> None:
        """The webhook accepts nothing for a day, during which the timer runs twice and people renew."""
        self._note(now, "the webhook is out for a day")
        await self.site.control("PUT", "/inbox/notices/answer", {"status": 503, "times": 1_000_000})
        for hours in (0, 12):
            await self._people(now + timedelta(hours=hours, minutes=-10), 1)
            await self.site.at(now + timedelta(hours=hours))
            self.oracle.run(now + timedelta(hours=hours))
            await self.site.fire(SWEEP)
        await self.site.control("DELETE", "/inbox/notices")  # what was refused did not arrive
        await self.site.at(now + timedelta(hours=24))
        await self._drive_on()
        await self._collect(now + timedelta(hours=24))

    async def _drive_on(self) -> None:
        await self.site.fire("sweep_onboardings")

    async def _collect(self, now: datetime, *, killed: bool = False) -> None:
        """Wait until no notice is waiting for delivery, and take what has arrived."""
        await self.site.settled()
        self.oracle.deliver(now)
        for message in (await self.site.control("GET", "/inbox/notices")).json()["value"]:
            event, told = message["body"]["id"], message["body"]["data"]
            if message["body"]["type"].endswith(".MatterClosed"):  # a renewal has ended what was warned of
                continue
            if event not in self._seen or not killed:
                ends_at = datetime.fromisoformat(told["endsAt"])
                warned = Warned(
                    told["connection"]["name"], told["expiration"], ends_at, told["daysBeforeEnd"]
                )
                self.report.arrived[warned] += 1
            self._seen.add(event)
        await self.site.control("DELETE", "/inbox/notices")

    def _note(self, now: datetime, what: str) -> None:
        self.report.events.append(f"{now:%Y-%m-%d %H:%M}  {what}")


async def simulated(folder: Path, size: int, **options: Any) -> Report:
    """A year of as many connections, in a local cloud that has no others; ``options`` as for ``Year``."""
    async with local_cloud(folder) as stack:
        account = stack.account.connection_string
        async with TableServiceClient.from_connection_string(account) as tables:
            site = Site(stack, tables)
            report = await Year(site, Fleet(tables), size, **options).pass_by()
            await site.close()
    return report


async def main() -> int:
    """The full year."""
    with tempfile.TemporaryDirectory() as folder:
        report = await simulated(Path(folder), 300)
    for line in report.lines():
        print(line)  # noqa: T201 - a program's output
    return 1 if report.faults or not report.due else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
