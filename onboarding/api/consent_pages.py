"""``/api/consent``: the page for the administrator who consents to the apps of an onboarding.

Microsoft Entra ID redirects a browser only to addresses that are registered with the application, and those
of the two apps are the article's, which no browser can open. So the consent cannot end on a page of the
service. Instead, it begins on that page, and the administrator returns to it.

Source: https://learn.microsoft.com/entra/identity-platform/v2-admin-consent and
https://learn.microsoft.com/entra/identity-platform/reply-url.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from onboarding.api.endpoint import CLOUD_REFUSES, HTML, OPEN, Call, Reply, endpoint
from onboarding.api.handover_links import AUTHOR
from onboarding.api.links import TokenQuery
from onboarding.api.pages import page
from onboarding.clock import Clock
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import OnboardingError
from onboarding.lifecycle import consent_apps
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.lifecycle.plans import PLANS
from onboarding.lifecycle.requests import TENANT
from onboarding.lifecycle.steps.consent import CONFIRMED, CONSENT
from onboarding.lifecycle.steps.preflight import PREFLIGHT
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.link_tokens import LinkTokens
from onboarding.workflow import interventions
from onboarding.workflow.run import Run, StepStatus
from onboarding.workflow.runtime import Runtime

log = logging.getLogger(__name__)

_PURPOSE: Final = "consent-page"
_VALID: Final = timedelta(days=31)
"""From the beginning of the wait. An onboarding waits for consent for 30 days."""

_AGAIN: Final = 5
"""Seconds after which the page that checks reloads. A browser needs no script for that."""


class ConsentPages:
    """Creates the addresses of the pages, and reads them."""

    def __init__(self, *, secrets: ChannelSecrets, key: str, clock: Clock) -> None:
        """``key`` names the vault's secret that signs. If it is empty, there are no pages."""
        self._tokens = LinkTokens(secrets, key, clock, purpose=_PURPOSE)

    async def url(self, run: Run, url: Callable[[str], str]) -> str | None:
        """The address for a run that waits for consent, the same in every answer; otherwise None.

        ``url`` makes the URL of a path.
        """
        step = run.steps.get(CONSENT.name)
        if not self._tokens.are_set_up or step is None or not consent_apps.waiting(run, request_of(run)):
            return None
        since: datetime = step.since or run.head.created_at
        try:
            token = await self._tokens.sign({"onboarding": run.head.id}, since + _VALID)
        except (OnboardingError, ValueError) as error:
            log.warning("an onboarding is shown without its consent page: %s", error)
            return None
        return f"{url('consent')}?token={token}"

    async def read(self, token: str) -> str | None:
        """The onboarding of an address; None if it is forged or too old. Raises this app's errors."""
        claims = await self._tokens.read(token)
        return claims["onboarding"] if claims else None


class ConsentPagesResource:
    """The endpoints."""

    def __init__(self, *, pages: ConsentPages, runtime: Runtime) -> None:
        """``runtime`` has the onboardings."""
        self._pages = pages
        self._runtime = runtime

    @endpoint(
        "GET /consent",
        name="show_consent",
        roles=OPEN,
        answers={200: HTML, 410: HTML},
        problems=(CLOUD_REFUSES,),
    )
    async def show(self, call: Call[TokenQuery, None]) -> Reply:
        """Show an administrator what to consent to, and whether the service sees the consent."""
        return self._shown(await self._run(call.query.token))

    @endpoint(
        "POST /consent",
        name="check_consent",
        roles=OPEN,
        answers={200: HTML, 410: HTML},
        problems=(CLOUD_REFUSES,),
    )
    async def check(self, call: Call[TokenQuery, None]) -> Reply:
        """Check now whether an administrator has consented, instead of at the next scheduled time.

        Where the service cannot see a consent, the button also confirms it.
        """
        run = await self._run(call.query.token)
        step = run.steps.get(CONSENT.name) if run else None
        if run is None or step is None or not consent_apps.awaits(run):
            return self._shown(run)
        if step.waiting_code == WaitingCode.CONSENT_CONFIRMATION:
            try:
                await interventions.signal(self._runtime, run.head.id, CONSENT.name, CONFIRMED, AUTHOR)
            except interventions.NotPossibleError:
                log.info("the consent of %s is no longer awaited", run.head.id)
        else:
            await interventions.resume(self._runtime, run.head.id, AUTHOR)
        return self._shown(run, checks=True)

    async def _run(self, token: str) -> Run | None:
        onboarding = await self._pages.read(token)
        return await self._runtime.load(onboarding) if onboarding else None

    @staticmethod
    def _shown(run: Run | None, *, checks: bool = False) -> Reply:
        """The page for the current state of a run."""
        if run is None or run.head.stop_as or not (consent_apps.awaits(run) or CONSENT.is_done(run)):
            return page("link-gone.html", HTTPStatus.GONE)
        request, found, step = request_of(run), PREFLIGHT.found_in(run), run.steps[CONSENT.name]
        checks |= step.status is StepStatus.RUNNING
        return page(
            "consent.html",
            form=True,
            name=request.name,
            tenant_name=found.tenant_name if found else "",
            tenant=run.head.lists[TENANT],
            granted=CONSENT.is_done(run),
            apps=consent_apps.waiting(run, request),
            confirms=step.waiting_code == WaitingCode.CONSENT_CONFIRMATION,
            checked_at=step.changed_at,
            again=_AGAIN if checks and not CONSENT.is_done(run) else 0,
        )


def request_of(run: Run) -> OnboardingRequest:
    """The request of an onboarding."""
    return PLANS[run.head.plan].request_of(run.head)
