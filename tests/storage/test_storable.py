"""What the API accepts can be stored, in every row, message and notice that it will ever be part of."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onboarding.api.reading import LONGEST
from onboarding.api.subscriber_documents import SubscriberRequest
from onboarding.audit.audit_event import AuditEvent
from onboarding.audit.trail import Trail
from onboarding.behalf import Behalf
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.calendar import Calendar
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.warning_schedule import WarningSchedule
from onboarding.errors import prerequisites, steps
from onboarding.lifecycle.plans import OPERATIONS, PLANS, plan_of
from onboarding.lifecycle.requests import REQUESTER, TENANT, Asker, Removal
from onboarding.notices import subscribers
from onboarding.notices.deliveries import DELIVERY
from onboarding.notices.digests import _NOTICES
from onboarding.notices.notice import DeliveryRequest, NoticeKind
from onboarding.notices.warning_texts import warning
from onboarding.storage import names
from onboarding.storage.tables import Row, Write
from onboarding.words.word import Word
from onboarding.workflow.outcomes import Failure
from onboarding.workflow.run import SERVICE, Event, StepStatus
from onboarding.workflow.run_index import RunIndex
from onboarding.workflow.run_store import RunStore
from onboarding.workflow.step_message import MESSAGES, StepMessage
from tests.support.accounts import MemoryAccount
from tests.support.connections import CADENCE, connection
from tests.support.memory_ledgers import MemoryLedgers
from tests.support.vault import MemoryVault

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ID = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
UNITS = ["x", "\u00e9", "\u0939", "\U0001f600", '"', "\\", "/", "\u0130"]
"""Letters of one to four bytes, letters that JSON or keys escape, and a letter that grows when folded."""


_LOCAL = "x" * 240  # an address has only ASCII letters


def fields(unit: str, count: int) -> dict[str, Any]:
    """Each free field at its largest size; lists and objects with this many entries."""
    return {
        "description": unit * 1024,
        "serverApp": {"name": unit * 256},
        "clientApp": {"name": unit * 256},
        "owners": [{"name": unit * 256, "email": f"{n}{_LOCAL}@contoso.com"} for n in range(count)],
        "labels": {f"{unit * 60}{number}": unit * 256 for number in range(count)},
        "groupDiscovery": {"enabled": True, "groupNames": [f"{unit * 250}{n}" for n in range(count * 10)]},
    }


def encoded(document: dict[str, Any]) -> bytes:
    """A document as the body of a request."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A body near the largest size that consists of one letter, with the fields in any order."""
    unit = draw(st.sampled_from(UNITS))
    document: dict[str, Any] = {"name": unit * 256, "tenantId": ID, "subscriptionId": ID}
    for field in draw(st.permutations(sorted(fields(unit, 1)))):
        for count in (20, 12, 8, 5, 3, 2, 1):
            fuller = {**document, field: fields(unit, count)[field]}
            if len(encoded(fuller)) <= LONGEST:
                document = fuller
                break
    return encoded(document)


@settings(max_examples=25, parent=settings.get_profile("quiet"))
@given(body=bodies(), requester=st.sampled_from([ID, "\U0001f600" * 400, "/" * 4000]))
async def test_whatever_is_accepted_can_be_stored(body, requester):
    """A request of the largest size fits into each row that an onboarding writes, and into each notice."""
    assert len(body) <= LONGEST
    request = OnboardingRequest.model_validate_json(body, context={"now": NOW})
    account = MemoryAccount()
    for table in names.TABLES:
        await account.create_table(table)
    await _runs(account, request, Asker(id=requester, name=requester[:256]))
    made = connection(
        NOW + timedelta(days=9), name=request.name, request=request, description=request.description
    )
    record = made.evolve(
        requester=requester,
        tenant_name=Word("\U0001f600" * 256),
        server_app=made.server_app.__class__(
            name=request.server_app.name, app_id=ID, object_id=ID, service_principal_id=ID, created_at=NOW
        ),
    )
    await ConnectionStore(account.tables).add(record)
    calendar = Calendar(account.tables)
    schedule = WarningSchedule(account.tables, CADENCE, calendar)
    await schedule.schedule(record, NOW)
    late = NOW + timedelta(days=20)
    due = [scheduled async for scheduled in schedule.due(late)]
    assert due
    for scheduled in due:
        notice = warning(scheduled, record, late)
        entry = Row(partition=ID, key=notice.id, columns={"document": _NOTICES.dump(notice)})
        await account.tables.write(names.NOTICES, entry, Write.UPSERT)
        head = DELIVERY.head(
            ID, DeliveryRequest(notice=notice, channel="c" * 61), author=SERVICE, created_at=NOW
        )
        await account.tables.write(names.NOTICES, head.to_row(), Write.UPSERT)


@pytest.mark.parametrize("unit", UNITS)
async def test_whatever_is_around_a_request_can_be_stored(unit):
    """The longest names, references and filters fit into the rows of the trail and the subscribers."""
    account = MemoryAccount()
    for table in (names.AUDIT, names.SERVICE):
        await account.create_table(table)
    behalf = Behalf(Word(unit * 100), Word(unit * 100))
    call = AuditEvent(
        id=ID, at=NOW, kind="k" * 60, actor=unit * 256, on_behalf_of=behalf, tenant=ID, detail=unit * 8000
    )
    await Trail(tables=account.tables, ledgers=MemoryLedgers()).add(call)
    wanted = {
        "name": unit * 256,
        "address": f"https://contoso.com/{'x' * 1900}",
        "secret": "whsec_" + base64.b64encode(bytes(64)).decode(),
        "kinds": [NoticeKind.SECRET_EXPIRED] * 50,
        "tenants": [ID] * 100,
        "labels": {f"{unit * 60}{number}": unit * 256 for number in range(20)},
    }
    request = SubscriberRequest.model_validate_json(encoded(wanted))
    made = subscribers.Subscriber(
        id=ID,
        name=request.name,
        host="x" * 1990,
        kinds=tuple(map(str, request.kinds)),
        tenants=tuple(map(str, request.tenants)),
        labels=request.labels,
        enabled=True,
        created_at=NOW,
        changed_at=NOW,
        created_by=unit * 256,
    )
    vault: Any = MemoryVault()
    store = subscribers.Subscribers(account.tables, lambda: vault)
    await store.store(made, address="https://contoso.com", key="key")
    assert await store.get(ID) == made


async def _runs(account: MemoryAccount, request: OnboardingRequest, asker: Asker) -> None:
    """The rows and the messages of an onboarding and of its removal."""
    plan, remove = plan_of(request), OPERATIONS["removal"]
    wanted: list[tuple[Any, Any, str]] = [
        (plan, request, names.ONBOARDINGS),
        (remove, Removal(onboarding=ID, request=request), names.OPERATIONS),
    ]
    for kind, document, table in wanted:
        head = kind.head(ID, document, author=asker.author, created_at=NOW, lists=asker.lists(request.tenant))
        index = RunIndex(account.tables, names.ONBOARDING_INDEX, owner=REQUESTER)
        await index.announce(head)
        await index.begin(head)
        accepted = Event(run=ID, at=NOW, kind="accepted", actor=asker.name)
        assert await RunStore(account.tables, table).create(kind.new(head), accepted)
    await account.create_queue(names.STEPS_QUEUE)
    await account.queues.put(names.STEPS_QUEUE, MESSAGES.dump(StepMessage(run=ID)).encode())
    assert set(asker.lists(request.tenant)) == {REQUESTER, TENANT}


@pytest.mark.parametrize("count", [1, 40, 5000])
async def test_an_error_of_any_size_can_be_stored(count):
    """However many applications conflict, and whatever their names are, the error can be stored."""
    name = "\U0001f600" * 256
    findings = tuple(
        prerequisites.APPLICATION_NAME_IN_USE.finding("/serverApp/name", name=name, which=ID)
        for _ in range(count)
    )
    error = steps.PREFLIGHT_REFUSED.error(findings=findings)
    account = MemoryAccount()
    await account.create_table("t")
    store = RunStore(account.tables, "t")
    plan = PLANS["onboard"]
    request = OnboardingRequest.model_validate_json(
        json.dumps({"name": name, "tenantId": ID, "subscriptionId": ID})
    )
    head = plan.head(ID, request, author=SERVICE, created_at=NOW)
    await store.create(plan.new(head), Event(run=ID, at=NOW, kind="accepted", actor="a"))
    run = await store.load(ID)
    assert run is not None
    failed = run.steps[plan.first].evolve(status=StepStatus.FAILED, error=Failure.of(error), attempt=1)
    event = Event(run=ID, at=NOW, kind="failed", step=plan.first, actor="a", error=Failure.of(error))
    await store.commit([failed], [event])
    stored = await store.load(ID)
    assert stored is not None
    kept = stored.steps[plan.first].error
    assert kept is not None
    assert kept.code == error.code
    assert kept.detail[:50] == error.detail[:50]
