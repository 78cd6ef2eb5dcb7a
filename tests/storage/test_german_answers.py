"""What operators read is in their language: how deliveries ended, and what needs attention."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from onboarding.api.deliveries import Delivery
from onboarding.api.problems import ProblemError
from onboarding.api.reader import ANYBODY, Reader
from onboarding.audit.trail_gaps import TrailGap
from onboarding.audit.verification import GapReason
from onboarding.errors import Actor, OnboardingError, cloud
from onboarding.notices.deliveries import DELIVER, DELIVERY, ESCALATE, ESCALATION
from onboarding.notices.delivery_log import DeliveryLog
from onboarding.notices.delivery_results import DeliveryResult, DigestResult
from onboarding.notices.digests import DIGEST, SEND
from onboarding.notices.notice import DeliveryRequest, DigestRequest, Notice, NoticeKind
from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row, Write
from onboarding.storage.unreadable_rows import UnreadableRow, load, readable
from onboarding.texts import reasons
from onboarding.texts.languages import Language
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.outcomes import Failure
from onboarding.workflow.plan import Plan
from onboarding.workflow.poison_messages import PoisonReason
from onboarding.workflow.run import SERVICE, Head, StepState, StepStatus
from onboarding.workflow.step_message import MESSAGES
from tests.storage.attention_calls import entries, handled
from tests.support.connections import onboarding_request
from tests.support.world import World, run_id

GERMAN = Reader(operates=True, language=Language.GERMAN)


@pytest.fixture
def world(tmp_path):
    """A new deployment."""
    return World(tmp_path / "clock")


def ended(world: World, plan: Plan[Any, Any], request: Any, step: str, result: Any) -> Delivery:
    """A delivery that has ended."""
    head = plan.head(run_id(step), request, author=SERVICE, created_at=world.clock.now())
    run = plan.new(head)
    stored = Codec(type(result)).dump(result)
    run = run.having([run.steps[step].evolve(status=StepStatus.SUCCEEDED, result=stored)])
    return Delivery.of(run, DeliveryLog(world.tables, world.parts.notice_runs))


async def test_how_a_delivery_ended_has_a_code_and_is_in_the_language_of_the_reader(world):
    """Deliveries, escalations and digests show it; what an earlier version stored has only a text."""
    at = world.clock.now()
    notice = Notice(
        kind=NoticeKind.PROFILE_DRIFT,
        connection="t.n",
        key=("k",),
        at=at,
        message="m",
        impact="i",
        remedy="r",
    )
    asked = DeliveryRequest(notice=notice, channel="webhook")
    sent = DeliveryResult.of(reasons.DELIVERED_WITH_STATUS.of(status=202))
    known = DeliveryResult.of(reasons.ALREADY_ACKNOWLEDGED.of())
    none = DigestResult.of(reasons.SUPERSEDED.of())
    shown = {
        step.name: json.loads(ended(world, plan, request, step.name, result).as_json(GERMAN))
        for plan, request, step, result in (
            (DELIVERY, asked, DELIVER, sent),
            (ESCALATION, asked, ESCALATE, known),
            (DIGEST, DigestRequest(channel="people", day=at), SEND, none),
        )
    }
    assert {name: (each["outcome"], each["outcomeCode"]) for name, each in shown.items()} == {
        "deliver": ("zugestellt (202)", "delivered-with-status"),
        "escalate": ("bestätigt", "already-acknowledged"),
        "send-digest": ("überholt", "superseded"),
    }
    assert shown["deliver"]["outcomeArgs"] == {"status": 202}
    earlier = json.loads(ended(world, DELIVERY, asked, "deliver", replace(sent, said=None)).as_json(GERMAN))
    assert (earlier["outcome"], "outcomeCode" in earlier) == ("delivered (202)", False)


async def test_what_needs_attention_is_in_the_language_of_the_reader(world):
    """Titles, details and remedies are German, and have their values; so have entries that were dismissed."""
    now = world.clock.now()
    await blocked(world, "away", cloud.UNREACHABLE.error(service="Microsoft Graph", kind="ConnectError"))
    unknown = cloud.refusal("SomethingNew").error(service="Microsoft Graph", answer="400 SomethingNew")
    await blocked(world, "refused", unknown, actor=Actor.OPERATOR)
    await world.fail(world.parts.onboarding_runs, await onboarded(world, "failed"), "wait-timed-out")
    await world.parts.engines[names.STEPS_QUEUE].handle(b'{"v":9,"run":"x"}', "d")
    damaged = Row(table=names.CONNECTIONS, partition="p", key="k", columns={"document": "{"})
    await world.tables.write(damaged.table, damaged, Write.UPSERT)
    (damaged,) = [row for row in world.rows() if row.table == names.CONNECTIONS]
    await readable(world.tables, [damaged], lambda row: load(Codec(UnreadableRow), row))
    chain = TrailGap(chain="2026-11:service", number=7, reason=GapReason.CHANGED, since=now)
    await world.parts.stores.trail_gaps._put(chain)
    world.reader = GERMAN

    expected = {
        "onboarding-failed": "Der Schritt hat zu lange gewartet",
        "poison-message": (
            "Die Nachricht hat die Version 9. Dieses Release liest Nachrichten bis Version "
            f"{MESSAGES._version}."
        ),
        "row-unreadable": "p / k: die Spalte 'document' ist kein JSON",
        "run-retrying": "Der Dienst kann Microsoft Graph nicht erreichen (ConnectError).",
        "run-waits-for-operator": "Microsoft Graph hat diesen Fehler zurückgegeben: 400 SomethingNew",
        "trail-gap": "2026-11:service, Ereignis 7",
    }
    listed = {each["code"]: each for each in await entries(world)}
    assert {code: each["detail"] for code, each in listed.items()} == expected
    assert listed["trail-gap"]["detailArgs"] == {"chain": "2026-11:service", "number": 7}
    assert listed["row-unreadable"]["detailCode"] == "row-with-reason"
    assert listed["onboarding-failed"]["detailCode"] == "wait-timed-out/title"
    (message,) = (await world.call("list_poison"))["value"]
    assert (message["detail"], message["args"]["version"]) == (expected["poison-message"], "9")
    assert message["title"] == "Ein anderes Release hat die Warteschlangennachricht geschrieben"
    assert message["remedy"].startswith("Stellen Sie das Release bereit")

    overview = await world.call("get_overview")
    titles = {each["code"]: each["title"] for each in overview["attention"]}
    assert titles["trail-gap"] == "Das Überwachungsprotokoll weicht von seiner unveränderlichen Kopie ab"
    assert titles["run-waits-for-operator"].startswith(
        "Ein Microsoft-Dienst hat einen Aufruf abgelehnt: Ausführungen warten seit dem "
    )
    causes = {each["code"]: each for each in overview["blocked"]}
    assert causes["unreachable"]["detail"] == expected["run-retrying"]
    assert causes["unreachable"]["args"] == {"service": "Microsoft Graph", "kind": "ConnectError"}
    assert causes["something-new"]["title"] == "Ein Microsoft-Dienst hat einen Aufruf abgelehnt"
    assert causes["something-new"]["remedy"] != unknown.remedy

    for code in expected:
        assert await handled(world, "dismiss_all_attention", code=code, reason="R.") == (1, 0)
    dismissed = (await world.call("list_dismissals"))["value"]
    assert {each["code"]: each["detail"] for each in dismissed} == expected
    world.reader = ANYBODY
    english = (await world.call("list_dismissals"))["value"]
    assert not {each["detail"] for each in english} & set(expected.values())


async def test_what_an_earlier_version_stored_is_read_as_it_was_written(world):
    """Without values there is no other language: the English text of the row is shown."""
    error = cloud.UNREACHABLE.error(service="Microsoft Graph", kind="ConnectError")
    step = await blocked(world, "away", error)
    index = world.parts.onboarding_runs.index.blocked
    await index._put(replace(step, args={}))
    world.reader = GERMAN
    (entry,) = await entries(world, code="run-retrying")
    assert entry["detail"] == error.detail
    (cause,) = (await world.call("get_overview"))["blocked"]
    assert (cause["detail"], cause.get("args", {})) == (error.detail, {})


async def test_a_cause_with_too_many_values_is_stored_without_them(world):
    """A row has a limit; the cause is then in English, and its step still needs attention."""
    error = cloud.UNREACHABLE.error(service="s" * 20_000, kind="k")
    await blocked(world, "long", error)
    world.reader = GERMAN
    (entry,) = await entries(world, code="run-retrying")
    assert (entry["detail"], entry.get("detailArgs", {})) == (error.detail, {})
    assert await handled(world, "dismiss_all_attention", code="run-retrying", reason="R.") == (1, 0)
    assert [each["detail"] for each in (await world.call("list_dismissals"))["value"]] == [error.detail]


async def test_a_message_has_the_values_of_the_last_attempt(world):
    """If it fails for another reason, the text changes; a text that is cut is in English, without values."""
    engine = world.parts.engines[names.STEPS_QUEUE]
    await engine.handle(json.dumps({"v": 9, "run": "x"}).encode(), "d")
    (kept,), _ = await world.parts.stores.poison_messages.page(size=2)
    other = replace(kept, reason=PoisonReason.UNKNOWN_RUN, detail="There is no run x.", args={"run": "x"})
    await world.parts.stores.poison_messages.keep(other)
    world.reader = GERMAN
    (before,) = (await world.call("list_poison"))["value"]
    assert before["detail"] == "Es gibt keine Ausführung x."
    assert await handled(world, "retry_all_attention", code="poison-message") == (0, 1)
    (after,) = (await world.call("list_poison"))["value"]
    assert after["detail"].startswith("Die Nachricht hat die Version 9.")
    assert await handled(world, "dismiss_all_attention", code="poison-message", reason="R.") == (1, 0)

    await engine.handle(json.dumps({"v": "9" * 2000, "run": "x"}).encode(), "d")
    (long,) = (await world.call("list_poison"))["value"]
    assert long["detail"].startswith("The message has the version")
    assert (len(long["detail"]), long.get("args", {})) == (1001, {})


async def test_a_restore_is_announced_in_the_language_of_the_reader(world):
    """The title consists of a title and a detail, and each of them is in German."""
    await world.parts.epoch.advance()
    old = world.snapshot()
    world.advance(timedelta(days=1))
    await world.parts.epoch.advance()
    world.restore(old)
    world.reader = GERMAN
    entry = (await world.attention())["storage-restored"]
    assert entry["title"].startswith(
        "Der Speicher wurde aus einer Sicherung wiederhergestellt oder ist neu: Benachrichtigungen und "
        "Entfernungen warten bis POST /api/reconcile. Der Speicher hat den Stand "
    )
    assert entry["args"]["detail"]["code"] == "storage-restored/detail"


async def test_what_cannot_be_retried_is_explained_in_one_language(world):
    """The sentence has no English participle in it."""
    head = await onboarded(world, "goes on")
    with pytest.raises(ProblemError) as refused:
        await world.call("retry_attention", path={"id": head.id})
    problem = json.loads(refused.value.response("r", GERMAN).get_body())
    assert problem["detail"] == "Die Ausführung hat den Status NotStarted und kann nicht wiederholt werden."


async def onboarded(world: World, name: str) -> Head:
    """An onboarding that has not started."""
    return await world.onboard(onboarding_request(name=name), world.clock.now())


async def blocked(
    world: World, name: str, error: OnboardingError, actor: Actor = Actor.NOBODY
) -> BlockedStep:
    """A step of an onboarding that waits because of an error."""
    head = await onboarded(world, name)
    failure = replace(Failure.of(error), actor=actor)
    state = StepState(run=head.id, name="preflight", since=world.clock.now(), error=failure)
    step = BlockedStep.of(head, state)
    await world.parts.onboarding_runs.index.blocked.enter(step)
    return step
