"""The page after a tenant's consent, whatever waits in the tenant, and whatever does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest
from azure.core.exceptions import ServiceRequestError

from onboarding.errors import OnboardingError, login, policies, steps, subscription
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.consent_states import ConsentStates
from onboarding.storage import call_timeouts, names
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.outcomes import Failure
from onboarding.workflow.run import StepStatus
from tests.support.connections import TENANT, onboarding_request
from tests.support.memory import Call
from tests.support.vault import Safe
from tests.support.world import World

CHECKS: Final = "The service is checking now"
GRANTED: Final = "Consent was granted"
NATURAL: Final = timedelta(minutes=5)
"""The pause of an onboarding that has waited for some minutes."""
MISSING: Final = login.CONSENT_INCOMPLETE.finding(
    missing="Application.ReadWrite.OwnedBy",
    tenant=TENANT,
    app="app",
    url="https://login.invalid",
    page="https://login.invalid",
)

NOT_FOUND: Final = subscription.SUBSCRIPTION_NOT_FOUND.finding(tenant=TENANT, subscription=TENANT)


def refused(*findings: Any) -> OnboardingError:
    """The error of a preflight with these findings."""
    return steps.PREFLIGHT_REFUSED.error(actor=findings[0].actor, findings=findings)


class Deployment(World):
    """A deployment that signs states, whose tenant has onboardings that wait."""

    def __init__(self, folder: Any) -> None:
        super().__init__(folder / "clock")
        self.safe = Safe()
        self.safe.values["link-key"] = (secrets.token_urlsafe(64),)
        known = ChannelSecrets(lambda: self.safe, self.safe)
        states = ConsentStates(secrets=known, key="link-key", clock=self.clock)
        self.parts.messaging.__dict__["consent_states"] = states
        self.states = states

    async def waits(self, name: str, error: OnboardingError | None = None, *, removal: bool = False) -> str:
        """An onboarding, or a removal, that has waited for long, and has just checked."""
        runs = self.parts.operation_runs if removal else self.parts.onboarding_runs
        start, now = self.off_board if removal else self.onboard, self.clock.now()
        head = await start(onboarding_request(name=name), now)
        await runs.index.begin(head)
        run = await runs.load(head.id)
        assert run is not None
        step = run.steps[runs.plan(head).first].evolve(
            status=StepStatus.WAITING,
            attempt=9,
            tries=9,
            since=now - timedelta(hours=1),
            changed_at=now,
            due_at=now + NATURAL,
            error=Failure.of(error or refused(MISSING)),
        )
        await runs.store.commit([step], [])
        await runs.index.blocked.enter(BlockedStep.of(run.head, step))
        return head.id

    async def opened(self) -> str:
        """The page, as the administrator of the tenant sees it."""
        state = await self.states.of(TENANT)
        return str(await self.call("show_consented", admin_consent="True", state=state))

    async def resumed(self, identifier: str) -> int:
        """How many events show that somebody made an onboarding, or a removal, check."""
        stores = [runs.store for runs in (self.parts.onboarding_runs, self.parts.operation_runs)]
        found = [(await store.events(identifier, size=1000))[0] for store in stores]
        return sum(each.kind == "resumed" for events in found for each in events)

    def messages(self) -> int:
        """How many messages wait on the queue."""
        return len(self.queues._messages[names.STEPS_QUEUE])

    def around(self, wrap: Any) -> None:
        """Pass each call to storage through a context manager."""
        self.tables._around = self.queues._around = wrap


@pytest.fixture
def deployment(tmp_path):
    """A deployment in which nothing waits yet."""
    return Deployment(tmp_path)


async def test_each_check_is_requested_once(deployment):
    """Who reloads the page a hundred times writes no more than who opens it once."""
    onboarding = await deployment.waits("one")
    deployment.advance(timedelta(minutes=1))
    before = deployment.messages()
    pages = [await deployment.opened() for _ in range(100)]
    assert all(CHECKS in page for page in pages)
    assert await deployment.resumed(onboarding) == 1
    assert deployment.messages() == before + 1
    run = await deployment.parts.onboarding_runs.load(onboarding)
    assert run.steps["preflight"].due_at <= deployment.clock.now()


async def test_a_holder_of_the_link_makes_nothing_check_all_the_time(deployment):
    """An onboarding that checked a moment ago, and checks every five minutes, is left alone for a while."""
    onboarding = await deployment.waits("one")
    deployment.advance(timedelta(seconds=20))
    await deployment.opened()
    assert await deployment.resumed(onboarding) == 0
    deployment.advance(timedelta(seconds=20))
    await deployment.opened()
    assert await deployment.resumed(onboarding) == 1


async def test_an_onboarding_that_lacks_more_than_the_consent_checks(deployment):
    """The consent need not be the first thing that the administrator must do."""
    first = await deployment.waits("one", refused(policies.SECRETS_FORBIDDEN.finding(), MISSING))
    second = await deployment.waits(
        "two",
        login.TENANT_NOT_CONSENTED.error(
            tenant=TENANT, app="app", url="https://login.invalid", page="https://login.invalid", answer="400"
        ),
    )
    deployment.advance(timedelta(minutes=1))
    assert CHECKS in await deployment.opened()
    assert [await deployment.resumed(each) for each in (first, second)] == [1, 1]


async def test_a_removal_checks_too(deployment):
    """The consent is for all that the service does in the tenant, but not for those who own subscriptions."""
    removal = await deployment.waits("one", removal=True)
    role = await deployment.waits("two", refused(NOT_FOUND))
    deployment.advance(timedelta(minutes=1))
    assert CHECKS in await deployment.opened()
    assert [await deployment.resumed(each) for each in (removal, role)] == [1, 0]


async def test_a_hundred_onboardings_check_at_once(deployment):
    """Storage that takes some milliseconds for each call does not use up the time of the page."""
    waiting = [await deployment.waits(f"n{number}") for number in range(100)]
    deployment.advance(timedelta(minutes=1))

    @contextlib.asynccontextmanager
    async def slow(_call: Call) -> AsyncIterator[None]:
        async with call_timeouts.patient():
            await asyncio.sleep(0.005)
            yield

    deployment.around(slow)
    with call_timeouts.limited(1.5):
        assert CHECKS in await deployment.opened()
    assert {await deployment.resumed(each) for each in waiting} == {1}


async def test_a_run_that_cannot_be_read_holds_up_no_other(deployment):
    """The others check, and the page is the usual one."""
    onboardings = sorted([await deployment.waits(name) for name in ("one", "two", "three")])
    deployment.advance(timedelta(minutes=1))
    (head,) = [row for row in deployment.rows() if (row.partition, row.key) == (onboardings[0], "head")]
    await deployment.damage(head, "document", "?")
    page = await deployment.opened()
    assert GRANTED in page
    assert CHECKS in page
    assert [await deployment.resumed(each) for each in onboardings] == [0, 1, 1]


async def test_the_page_appears_without_storage(deployment):
    """Who has consented sees that, although nothing can check at the moment."""
    await deployment.waits("one")
    deployment.advance(timedelta(minutes=1))

    @contextlib.asynccontextmanager
    async def away(_call: Call) -> AsyncIterator[None]:
        raise ServiceRequestError("away")
        yield

    deployment.around(away)
    page = await deployment.opened()
    assert GRANTED in page
    assert CHECKS not in page
