"""``/api/onboardings``: request one, follow it, and undo it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from onboarding.api.acceptance import NAME_TAKEN, Acceptance
from onboarding.api.consent_pages import ConsentPages
from onboarding.api.endpoint import CLOUD_REFUSES, REPLAYED, WHERE, Call, Reply, endpoint
from onboarding.api.onboarding_documents import (
    DryRun,
    Onboarding,
    OnboardingList,
    OnboardingSummary,
)
from onboarding.api.onboarding_queries import EXAMPLES, CreateQuery, OnboardingQuery
from onboarding.api.operation_documents import Operation
from onboarding.api.operations import Operations
from onboarding.api.paging import PageQuery
from onboarding.api.reading import Parameters, Traced
from onboarding.api.run_documents import TrailEventList
from onboarding.api.runs import Runs
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import requests
from onboarding.errors.reserve import OwnerAction
from onboarding.lifecycle.plans import PLANS
from onboarding.lifecycle.requests import REQUESTER, Removal
from onboarding.lifecycle.steps.connection import CONNECTION
from onboarding.lifecycle.steps.consent import CONFIRMED, CONSENT
from onboarding.storage import keys
from onboarding.texts import phrases
from onboarding.texts.phrases import Said
from onboarding.workflow import interventions
from onboarding.workflow.run import Run, RunStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class _Undo:
    """A way to undo an onboarding."""

    stop_as: RunStatus
    allowed: frozenset[RunStatus]  # the statuses in which it can be done
    participle: Said
    otherwise: Said  # what to do in another status


_CANCEL: Final = _Undo(
    stop_as=RunStatus.CANCELLED,
    allowed=frozenset({RunStatus.NOT_STARTED, RunStatus.RUNNING, RunStatus.WAITING}),
    participle=phrases.CANCELLED.of(),
    otherwise=phrases.ROLL_BACK_INSTEAD.of(),
)
_ROLL_BACK: Final = _Undo(
    stop_as=RunStatus.ROLLED_BACK,
    allowed=frozenset({RunStatus.FAILED}),
    participle=phrases.ROLLED_BACK.of(),
    otherwise=phrases.CANCEL_INSTEAD.of(),
)


class OnboardingsResource:
    """The endpoints."""

    def __init__(
        self, *, runs: Runs, operations: Operations, acceptance: Acceptance, consent: ConsentPages
    ) -> None:
        self._runs = runs
        self._operations = operations
        self._acceptance = acceptance
        self._consent = consent

    @endpoint(
        "POST /onboardings",
        name="create_onboarding",
        answers={202: OnboardingSummary, 200: DryRun},
        headers={202: (*WHERE, REPLAYED)},
        problems=(
            requests.IDEMPOTENCY_KEY_REUSED,
            *NAME_TAKEN,
            requests.TOO_MANY_OPEN,
            requests.TOO_MANY_SECRETS,
            CLOUD_REFUSES,
        ),
        examples=EXAMPLES,
    )
    async def create(self, call: Call[CreateQuery, OnboardingRequest]) -> Reply | DryRun:
        """Request an onboarding, or with dryRun=true its plan and findings."""
        if call.query.dry_run:
            return await self._acceptance.dry_run(call)
        run, is_repeated = await self._acceptance.accept(call)
        document = await self._summary(call, run)
        return self._runs.accepted(call, run, document, **({REPLAYED: "true"} if is_repeated else {}))

    @endpoint(
        "POST /onboardings/validate",
        name="validate_onboarding",
        answers={200: DryRun},
        problems=(CLOUD_REFUSES,),
        examples=EXAMPLES,
    )
    async def validate(self, call: Call[Traced, OnboardingRequest]) -> DryRun:
        """Get the plan and the findings of an onboarding without requesting it."""
        return await self._acceptance.dry_run(call)

    @endpoint(
        "GET /onboardings",
        name="list_onboardings",
        answers={200: OnboardingList},
    )
    async def list(self, call: Call[OnboardingQuery, None]) -> OnboardingList:
        """List onboardings, newest first."""
        if key := call.query.idempotency_key:
            run = await self._runs.load(keys.derived_id("onboarding", call.caller.id, key))
            found = run if run and self._runs.passes(call, run) else None
            return OnboardingList(value=[await self._summary(call, found)] if found else [])
        return OnboardingList.of(*await self._runs.page(call, lambda run: self._summary(call, run)))

    @endpoint(
        "GET /onboardings/{id}",
        name="get_onboarding",
        answers={200: Onboarding, 304: ()},
        headers={200: ("Retry-After", "ETag")},
        problems=(requests.NOT_FOUND,),
    )
    async def get(self, call: Call[Parameters, None]) -> Reply:
        """Get an onboarding with its steps."""
        run = await self._undoing(await self._runs.find(call))
        removal = await self._removal(run)
        made = CONNECTION.found_in(run)
        document = Onboarding.of(
            run,
            self._runs.status(run),
            call.url,
            self._operations.state(call, removal) if removal else None,
            handover_url=call.url(f"connections/{made.id}/handover") if made else None,
            steps=self._runs.steps(run),
            findings=Onboarding.findings_of(run),
            request=PLANS[run.head.plan].request_of(run.head).complete(),
            consent_url=await self._consent.url(run, call.url),
            events_url=self._runs.events_url(call, run),
        )
        undoing = removal if removal and not run.head.undone else None
        seconds = self._operations.retry_after(undoing) if undoing else self._runs.retry_after(run)
        return self._runs.shown(document, seconds)

    async def _undoing(self, run: Run) -> Run:
        """A run as its accepted removal will stop it, also before the removal has begun.

        Otherwise, a caller who follows an onboarding after a rollback would find that it has failed, and end.
        """
        removal = None if run.head.stop_as else await self._operations.removal_of(run.head.id)
        stop_as = self._operations.stops(removal) if removal else None
        return interventions.stopped(run, stop_as, removal.head.created_at) if removal and stop_as else run

    async def _removal(self, run: Run) -> Run | None:
        return await self._operations.removal_of(run.head.id) if run.head.stop_as else None

    async def _summary(self, call: Call[Any, Any], run: Run) -> OnboardingSummary:
        removal = await self._removal(run)
        state = self._operations.state(call, removal) if removal else None
        return OnboardingSummary.of(run, self._runs.status(run), call.url, state)

    async def _accepted(self, call: Call[Any, Any], run: Run) -> Reply:
        run = await self._undoing(run)
        return self._runs.accepted(call, run, await self._summary(call, run))

    @endpoint(
        "POST /onboardings/{id}/resume",
        name="resume_onboarding",
        answers={202: OnboardingSummary},
        headers={202: WHERE},
        problems=(requests.NOT_FOUND,),
    )
    async def resume(self, call: Call[Parameters, None]) -> Reply:
        """Check now whether an onboarding can continue, for example after a consent."""
        return await self._accepted(call, await self._runs.resume(call))

    @endpoint(
        "GET /onboardings/{id}/events",
        name="list_onboarding_events",
        answers={200: TrailEventList},
        problems=(requests.NOT_FOUND,),
    )
    async def events(self, call: Call[PageQuery, None]) -> TrailEventList:
        """List the audit trail of an onboarding, oldest first."""
        return await self._runs.events(call)

    @endpoint(
        "POST /onboardings/{id}/retry",
        name="retry_onboarding",
        reserve=OwnerAction.RETRY,
        answers={202: OnboardingSummary},
        headers={202: WHERE},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS, requests.TOO_MANY_OPEN, *NAME_TAKEN),
    )
    async def retry(self, call: Call[Parameters, None]) -> Reply:
        """Retry an onboarding that has failed or waits for somebody to act."""
        found = await self._runs.find(call)
        name = PLANS[found.head.plan].request_of(found.head).name
        if self._runs.status(found) is RunStatus.FAILED:
            await self._acceptance.reserve_again(call.caller, found, name)
        run = await self._runs.retry(call)
        return await self._accepted(call, run)

    @endpoint(
        "POST /onboardings/{id}/confirm",
        name="confirm_consent",
        answers={202: OnboardingSummary},
        headers={202: WHERE},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def confirm(self, call: Call[Parameters, None]) -> Reply:
        """Confirm that an administrator has consented, where the service cannot see it."""
        run = await self._runs.confirm(call, await self._runs.find(call), CONSENT, CONFIRMED)
        return await self._accepted(call, run)

    @endpoint(
        "POST /onboardings/{id}/cancel",
        name="cancel_onboarding",
        reserve=OwnerAction.CANCEL,
        answers={202: Operation},
        headers={202: WHERE},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def cancel(self, call: Call[Traced, None]) -> Reply:
        """Stop an onboarding and remove what it created."""
        return await self._undo(call, _CANCEL)

    @endpoint(
        "POST /onboardings/{id}/rollback",
        name="roll_back_onboarding",
        reserve=OwnerAction.ROLL_BACK,
        answers={202: Operation},
        headers={202: WHERE},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def roll_back(self, call: Call[Traced, None]) -> Reply:
        """Remove what a failed onboarding created."""
        return await self._undo(call, _ROLL_BACK)

    async def _undo(self, call: Call[Traced, None], way: _Undo) -> Reply:
        run = await self._runs.find(call)
        status = self._runs.status(run)
        if status not in way.allowed and run.head.stop_as is not way.stop_as:
            raise self._runs.not_now(status, way.participle, way.otherwise)
        wanted = Removal(
            onboarding=run.head.id,
            request=PLANS[run.head.plan].request_of(run.head),
            stop_as=way.stop_as,
        )
        return await self._operations.remove(call, wanted, owner=run.head.lists[REQUESTER])
