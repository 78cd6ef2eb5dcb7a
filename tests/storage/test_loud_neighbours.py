"""Hundreds of entries of one tenant, dismissed or not, hide no entry of another in the overview."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import icalendar
import pytest

from onboarding.api.expirations import CALENDAR, ExpirationFilter, ExpirationsResource
from onboarding.audit.verification import Gap, GapReason
from onboarding.connections.cadence import SECRET
from onboarding.connections.site_waits import SiteWait, SiteWaits
from onboarding.errors import Actor
from onboarding.expiry.user_responses import Responder
from onboarding.lifecycle.requests import TENANT
from onboarding.storage import names
from onboarding.storage.tables import Row, Write
from onboarding.storage.unreadable_rows import Dismissal, UnreadableRows, note
from onboarding.texts import reasons
from onboarding.words.word import Word
from onboarding.workflow.blocked_steps import BlockedStep
from tests.storage.attention_calls import codes
from tests.support import connections
from tests.support.customers import FABRIKAM
from tests.support.world import OPERATOR, World, run_id

LOUD: Final = connections.TENANT  # its rows come before those of the other one
QUIET: Final = FABRIKAM
Add = Callable[[World, str, str, Dismissal | None], Awaitable[None]]


@pytest.fixture
def world(tmp_path):
    """A deployment in which nothing happened yet."""
    return World(tmp_path / "clock")


def identifier(tenant: str, name: str) -> str:
    """The ID of a run; those of the loud tenant come first."""
    return ("0" if tenant == LOUD else "f") + run_id(name)[1:]


async def blocked(world: World, tenant: str, name: str, dismissal: Dismissal | None, actor: Actor) -> None:
    """A step that waits."""
    step = BlockedStep(
        run=identifier(tenant, name),
        step="consent",
        lists={TENANT: tenant},
        actor=actor,
        code="a",
        title="t",
        detail="d",
        remedy=name,
        since=world.clock.now(),
        dismissed=dismissal,
    )
    await world.parts.onboarding_runs.index.blocked.enter(step)
    if dismissal:
        await world.parts.onboarding_runs.index.blocked.dismiss(step, dismissal)


async def waits(world: World, tenant: str, name: str, dismissal: Dismissal | None) -> None:
    """A run that waits for a customer."""
    await blocked(world, tenant, name, dismissal, Actor.TENANT_ADMINISTRATOR)


async def own_trouble(world: World, tenant: str, name: str, dismissal: Dismissal | None) -> None:
    """In the quiet tenant, a run that waits for the operator; in the loud one, runs that wait for it."""
    actor = Actor.OPERATOR if tenant == QUIET else Actor.TENANT_ADMINISTRATOR
    await blocked(world, tenant, name, dismissal, actor)


async def unreadable(world: World, tenant: str, name: str, dismissal: Dismissal | None) -> None:
    """A row that cannot be read."""
    row = Row(partition=identifier(tenant, name), key="head", columns={"document": "?"})
    await world.tables.write(names.ONBOARDINGS, row, Write.UPSERT)
    stored = await world.tables.get(names.ONBOARDINGS, row.partition, row.key)
    assert stored
    entry = await note(world.tables, replace(stored, table=names.ONBOARDINGS), reasons.ROW_NO_JSON.of())
    if dismissal:
        await UnreadableRows(world.tables).dismiss(entry, dismissal)


async def trail_gap(world: World, tenant: str, name: str, dismissal: Dismissal | None) -> None:
    """A chain of the audit trail that is damaged."""
    gaps, chain = world.parts.stores.trail_gaps, f"2030-01:{identifier(tenant, name)}"
    await gaps.record(chain, Gap(chain=chain, number=1, reason=GapReason.CHANGED, key="k"), None)
    (gap,) = [each for each in await gaps.all() if each.chain == chain] if dismissal else [None]
    if gap:
        await gaps.dismiss(gap, dismissal)


async def site(world: World, tenant: str, name: str, dismissal: Dismissal | None) -> None:
    """A connection whose site is not connected; somebody was reminded."""
    wait = SiteWait(
        connection=f"{tenant}.{uuid.uuid5(uuid.NAMESPACE_URL, name).hex[:20]}",
        name=Word(name),
        tenant=tenant,
        since=world.clock.now(),
        reminded=1,
        dismissed=dismissal,
    )
    await SiteWaits(world.tables).put(wait)


async def ended(world: World, tenant: str, name: str, dismissal: Dismissal | None) -> None:
    """A secret that has expired."""
    before = 40 if tenant == LOUD else 5
    made = await world.connect(name, world.clock.now() - timedelta(days=before), drifts=False, tenant=tenant)
    if dismissal:
        responder = Responder(OPERATOR.author, operates=True)
        await world.parts.responses.acknowledge(made.id, SECRET, made.expirations[SECRET], responder)


async def delivery(world: World, tenant: str, name: str, dismissal: Dismissal | None) -> None:
    """A notice that its channel does not accept. The newest come first, and are those of the loud tenant."""
    begun = timedelta(hours=1) if tenant == LOUD else timedelta(0)
    made = connections.connection(world.clock.now() + timedelta(days=300), name=name, tenant=tenant)
    head = await world.deliver(made, world.clock.now() + begun)
    await world.fail(world.parts.notice_runs, head, "channel-refused")
    if dismissal:
        await world.call("dismiss_attention", path={"id": head.id}, reason="r")


KINDS: Final[Mapping[str, tuple[Add, int]]] = {
    "run-waits-for-customer": (waits, 1200),
    "run-waits-for-operator": (own_trouble, 1200),
    "row-unreadable": (unreadable, 120),
    "trail-gap": (trail_gap, 120),
    "handover-waits": (site, 1200),
    "expiration-passed": (ended, 110),
    "delivery-failing": (delivery, 110),
}
"""By the code of the entry: how one is added, and how many of one tenant are more than a page."""

PARTS: Final = {
    "run-waits-for-customer": ("blocked", "tenants"),
    "run-waits-for-operator": ("blocked", "tenants"),
    "delivery-failing": ("deliveries", "tenantId"),
}
"""The lists of the overview that show some of the entries, and what names their tenants."""


def dismissal(world: World) -> Dismissal:
    """A decision of an operator."""
    return Dismissal(by="Op", by_id="operator", at=world.clock.now(), reason="r")


async def fill(world: World, code: str, decided: Dismissal | None, *, quiet: bool) -> None:
    """Add the entries of the loud tenant, and one of the quiet one."""
    add, count = KINDS[code]
    for number in range(count):
        await add(world, LOUD, f"loud {number}", decided)
    if quiet:
        await add(world, QUIET, "quiet", None)


async def listed(world: World, **query: Any) -> list[str]:
    """The tenants of all entries of the list."""
    found: list[str] = []
    token = ""
    while True:
        page: Any = await world.call("list_attention", **query, continuationToken=token)
        found += [each.get("tenantId", "") for each in page["value"]]
        if "nextLink" not in page:
            return found
        token = page["nextLink"].partition("continuationToken=")[2].partition("&")[0]


@pytest.mark.parametrize("code", KINDS)
async def test_what_was_dismissed_hides_nothing(world, code):
    """Only the other tenant's entry needs attention; without it, nothing does."""
    await fill(world, code, dismissal(world), quiet=False)
    assert await codes(world) == []
    await KINDS[code][0](world, QUIET, "quiet", None)
    document = await world.call("get_overview")
    (entry,) = [each for each in document["attention"] if each["code"] == code]
    assert (entry["count"], entry["more"]) == (1, False)


@pytest.mark.parametrize("code", KINDS)
async def test_what_is_loud_hides_no_code_and_no_tenant(world, code):
    """The entry is there, and counted for the quiet tenant. What the overview does not show, it names."""
    await fill(world, code, None, quiet=True)
    document = await world.call("get_overview")
    (entry,) = [each for each in document["attention"] if each["code"] == code]
    assert entry["more"] or entry["count"] == KINDS[code][1] + 1 or code == "run-waits-for-operator"
    part, where = PARTS.get(code, ("", ""))
    shown = [tenant for each in document.get(part, []) for tenant in [each[where]] if part]
    assert not part or part in document["incomplete"]
    assert part != "blocked" or [QUIET] in shown
    if code not in {"row-unreadable", "trail-gap"}:  # they are of no tenant
        document = await world.call("get_overview", tenantId=QUIET)
        (entry,) = [each for each in document["attention"] if each["code"] == code]
        assert (entry["count"], entry["more"]) == (1, False)
        assert await listed(world, code=code, tenantId=QUIET) == [QUIET]


async def test_a_calendar_that_is_cut_says_so(world):
    """A program does not follow links, so the calendar has an event about what it does not show."""
    for number in range(3):
        await world.connect(f"C {number}", world.clock.now() + timedelta(days=number + 1), drifts=False)
    stores, summaries = world.parts.stores, []
    for most in (2, 3):
        resource = ExpirationsResource(
            calendar=stores.calendar,
            store=stores.connection_store,
            cadence=stores.cadence,
            clock=world.clock,
            most=most,
        )
        reply, _ = await resource.file(resource.wanted(ExpirationFilter(), OPERATOR), CALENDAR)
        assert isinstance(reply.content, bytes)
        events = icalendar.Calendar.from_ical(reply.content).walk("VEVENT")
        summaries.append(sum("does not show everything" in str(each["summary"]) for each in events))
        assert len(events) == 3
    assert summaries == [1, 0]
