"""What operators read is in their language: how deliveries ended, and what needs attention."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from onboarding.api.deliveries import Delivery
from onboarding.api.reader import Reader
from onboarding.notices.deliveries import DELIVER, DELIVERY, ESCALATE, ESCALATION
from onboarding.notices.delivery_log import DeliveryLog
from onboarding.notices.delivery_results import DeliveryResult, DigestResult
from onboarding.notices.digests import DIGEST, SEND
from onboarding.notices.notice import DeliveryRequest, DigestRequest, Notice, NoticeKind
from onboarding.storage.codec import Codec
from onboarding.texts import reasons
from onboarding.texts.languages import Language
from onboarding.workflow.plan import Plan
from onboarding.workflow.run import SERVICE, StepStatus
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
