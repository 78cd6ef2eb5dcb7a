"""``/api/onboardings``: request one, follow it, and undo it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from onboarding.api import idempotency
from onboarding.api.acceptance import Acceptance
from onboarding.api.endpoint import CLOUD_REFUSES, WHERE, Call, Reply, Reserve, endpoint
from onboarding.api.onboarding_documents import (
    Accepted,
    Onboarding,
    OnboardingList,
    OnboardingSummary,
    Rehearsal,
)
from onboarding.api.operations import Operation, Operations
from onboarding.api.paging import PageQuery
from onboarding.api.problems import ProblemError
from onboarding.api.reading import HEADER, Flag, Parameters, Traced
from onboarding.api.runs import EventList, RunQuery, Runs, asker
from onboarding.clock import Clock
from onboarding.cmg.fields import Form
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import requests
from onboarding.lifecycle import handed_over
from onboarding.lifecycle.plans import PLANS, plan_of
from onboarding.lifecycle.requests import REQUESTER, Removal
from onboarding.lifecycle.steps.consent import CONFIRMED, CONSENT
from onboarding.storage import keys
from onboarding.workflow.run import Head, RunStatus
from onboarding.workflow.runtime import Runtime, TooManyOpenError

if TYPE_CHECKING:
    from onboarding.lifecycle.context import Services

_TENANT, _SUBSCRIPTION = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05", "9a6c2b14-58d3-4f0e-8e21-7b5d3c9f0a46"
_LEAST: Final = {"name": "Contoso CMG", "tenantId": _TENANT, "subscriptionId": _SUBSCRIPTION}
_EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "required fields": _LEAST,
    "custom names and discovery": {
        **_LEAST,
        "serverApp": {"name": "CMG-ServerApp", "appIdUri": f"api://{_TENANT}/ConfigMgrService"},
        "clientApp": {"name": "CMG-ClientApp"},
        "userDiscovery": {"enabled": True, "schedule": {"unit": "Days", "every": 1}},
        "configMgrVersion": "2409",
        "owners": [{"name": "Kim", "email": "kim@contoso.com"}],
    },
    "users and devices, with the gateway in another tenant": {
        "name": "Contoso users",
        "tenantId": _TENANT,
    },
    "only the gateway": {**_LEAST, "clientApp": None, "disableAuthentication": True},
    "existing apps": {
        **_LEAST,
        "serverApp": {
            "existing": {
                "clientId": "59ecaa28-3240-4d9c-a4e4-d3ff305bc6ed",
                "vaultSecret": "import-contoso",
            }
        },
        "clientApp": {"existing": {"clientId": "93f99d42-7284-4643-a203-a7b6e804e408"}},
    },
}


class CreateQuery(Traced):
    """How a request is meant."""

    dry_run: Flag = Field(False, description="Check the request and return the plan; write nothing.")
    idempotency_key: (
        Annotated[str, Form(r"[\x21-\x7e]{1,255}", "must be 1 to 255 visible ASCII characters")] | None
    ) = Field(
        None,
        alias="Idempotency-Key",
        json_schema_extra=HEADER,
        description="The same key with the same request returns the same answer and creates nothing new.",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Undo:
    """A way to undo an onboarding."""

    stop_as: RunStatus
    allowed: frozenset[RunStatus]  # the statuses in which it can be done
    participle: str
    otherwise: str  # what to do in another status


_CANCEL: Final = _Undo(
    stop_as=RunStatus.CANCELLED,
    allowed=frozenset({RunStatus.NOT_STARTED, RunStatus.RUNNING, RunStatus.WAITING}),
    participle="cancelled",
    otherwise="Roll back a failed onboarding. Off-board the connection of one that succeeded.",
)
_ROLL_BACK: Final = _Undo(
    stop_as=RunStatus.ROLLED_BACK,
    allowed=frozenset({RunStatus.FAILED}),
    participle="rolled back",
    otherwise="Cancel an onboarding in progress. Off-board the connection of one that succeeded.",
)


class OnboardingsResource:
    """The endpoints."""

    def __init__(
        self,
        *,
        runs: Runs,
        operations: Operations,
        acceptance: Acceptance,
        runtime: Runtime,
        services: Callable[[], Services],
        clock: Clock,
    ) -> None:
        """``services`` makes the clients of the cloud."""
        self._runs = runs
        self._operations = operations
        self._acceptance = acceptance
        self._runtime = runtime
        self._services = services
        self._clock = clock

    @endpoint(
        "POST /onboardings",
        name="create_onboarding",
        answers={202: Accepted, 200: Rehearsal},
        headers={202: WHERE},
        problems=(requests.IDEMPOTENCY_KEY_REUSED, requests.TOO_MANY_OPEN, CLOUD_REFUSES),
        examples=_EXAMPLES,
    )
    async def create(self, call: Call[CreateQuery, OnboardingRequest]) -> Reply | Rehearsal:
        """Request an onboarding, or with dryRun=true its plan and findings.

        With an ``Idempotency-Key`` the ID is derived from caller and key. So the insert itself detects that
        the same request was accepted before, and the answer is the same.
        """
        wanted, key = call.body, call.query.idempotency_key
        self._acceptance.check(wanted, call.caller)
        if call.query.dry_run:
            return await self._rehearse(call)
        identifier = keys.derived_id("onboarding", call.caller.id, key) if key else str(uuid.uuid4())
        fingerprint = idempotency.fingerprint(wanted, identifier)
        if key and wanted.server_app.existing and (before := await self._runtime.store.load(identifier)):
            # A repeated request is answered before its secret is put into Key Vault again, and whatever has
            # become of the connection that it shares.
            return self._accepted(call, idempotency.repeated(before.head, fingerprint))
        await self._acceptance.check_shared(wanted, call.caller)
        if wanted.hands_over_a_secret:
            if await self._runtime.is_full(asker(call).lists(wanted.tenant)):
                raise self._too_many()  # before the secret is put into Key Vault
            wanted = await handed_over.keep_secret(self._services(), wanted, identifier)
        asking = asker(call)
        head = plan_of(wanted).head(
            identifier,
            wanted,
            actor=asking.name,
            created_at=self._clock.now(),
            lists=asking.lists(wanted.tenant),
            authority=asking.authority,
            fingerprint=fingerprint,
            traceparent=asking.traceparent,
        )
        try:
            existing = await self._runtime.start(head)
        except TooManyOpenError as error:
            raise self._too_many() from error
        if existing:
            lost = idempotency.secret_of(call.body, wanted)
            if existing.head.fingerprint != fingerprint and lost:
                await handed_over.discard(self._services(), lost, identifier)
            head = idempotency.repeated(existing.head, fingerprint)
        return self._accepted(call, head)

    def _too_many(self) -> ProblemError:
        most = self._runtime.limits.open_runs
        return ProblemError(requests.TOO_MANY_OPEN, most=most, headers={"Retry-After": "60"})

    async def _rehearse(self, call: Call[CreateQuery, OnboardingRequest]) -> Rehearsal:
        from onboarding.lifecycle.rehearsal import rehearse  # noqa: PLC0415 - imports clients of the cloud

        await self._acceptance.check_shared(call.body, call.caller)
        found = await rehearse(self._services(), call.body, asker(call), self._clock.now())
        return Rehearsal.of(call.body, found)

    def _accepted(self, call: Call[CreateQuery, OnboardingRequest], head: Head) -> Reply:
        return self._runs.accepted(call, head, Accepted.of(head))

    @endpoint(
        "GET /onboardings",
        name="list_onboardings",
        answers={200: OnboardingList},
    )
    async def list(self, call: Call[RunQuery, None]) -> OnboardingList:
        """List onboardings, newest first."""
        found, next_link = await self._runs.page(call)
        value = [OnboardingSummary.of(run, self._runs.status(run)) for run in found]
        return OnboardingList(value=value, next_link=next_link)

    @endpoint(
        "GET /onboardings/{id}",
        name="get_onboarding",
        answers={200: Onboarding},
        headers={200: ("Retry-After",)},
        problems=(requests.NOT_FOUND,),
    )
    async def get(self, call: Call[Parameters, None]) -> Reply:
        """Get an onboarding with its steps."""
        run = await self._runs.find(call)
        document = Onboarding.of(
            run,
            self._runs.status(run),
            steps=self._runs.steps(run),
            findings=Onboarding.findings_of(run),
            request=PLANS[run.head.plan].request_of(run.head).model_dump(mode="json", by_alias=True),
            events_url=self._runs.events_url(call, run),
        )
        return self._runs.shown(run, document)

    @endpoint(
        "GET /onboardings/{id}/events",
        name="list_onboarding_events",
        answers={200: EventList},
        problems=(requests.NOT_FOUND,),
    )
    async def events(self, call: Call[PageQuery, None]) -> EventList:
        """List the audit trail of an onboarding, oldest first."""
        return await self._runs.events(call)

    @endpoint(
        "POST /onboardings/{id}/retry",
        name="retry_onboarding",
        reserve=Reserve.RETRY,
        answers={202: OnboardingSummary},
        headers={202: WHERE},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def retry(self, call: Call[Parameters, None]) -> Reply:
        """Resume an onboarding that has failed, or waits for somebody to act, where it stopped."""
        run = await self._runs.resume(call)
        return self._runs.accepted(call, run.head, OnboardingSummary.of(run, self._runs.status(run)))

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
        return self._runs.accepted(call, run.head, OnboardingSummary.of(run, self._runs.status(run)))

    @endpoint(
        "POST /onboardings/{id}/cancel",
        name="cancel_onboarding",
        reserve=Reserve.CANCEL,
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
        reserve=Reserve.ROLL_BACK,
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
