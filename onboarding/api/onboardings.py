"""``/api/onboardings``: ask for one, look at them."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import azure.functions as func

from onboarding.api import bodies, documents
from onboarding.api.callers import Caller
from onboarding.api.front import Front, answer
from onboarding.api.paging import Page, bad_continuation
from onboarding.api.parameters import is_id, one_of, tenant_id
from onboarding.api.problems import ProblemError, bad_parameter, invalid, not_found
from onboarding.api.tenants import Tenants
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.store import ConnectionStore
from onboarding.errors import Finding
from onboarding.lifecycle.plans import ONBOARD, PLANS
from onboarding.storage import keys
from onboarding.storage.tables import InvalidContinuationError
from onboarding.workflow.engine import Engine
from onboarding.workflow.index import View
from onboarding.workflow.runs import Head, Run, RunStatus

_RETRY_AFTER: Final = {"Retry-After": "2"}
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


if TYPE_CHECKING:
    from onboarding.lifecycle.rehearsal import Rehearsal


@dataclass(frozen=True, kw_only=True, slots=True)
class Onboardings:
    """The endpoints."""

    front: Front
    engine: Engine
    environment: str  # the Azure environment of this deployment
    tenants: Tenants
    connections: ConnectionStore
    keep_secret: Callable[[OnboardingRequest, str], Awaitable[OnboardingRequest]]
    rehearse: Callable[[OnboardingRequest, str, datetime], Awaitable[Rehearsal]]

    async def create(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Accepts an onboarding: 202, with where to look for its status.

        With an ``Idempotency-Key`` the id is derived from caller and key, so the insert itself finds out
        whether the same request came before; then the same answer is given again.
        """
        now = self.engine.clock.now()
        key = request.headers.get("Idempotency-Key")
        if key is not None and not _KEY.fullmatch(key):
            raise bad_parameter("Idempotency-Key", "must be 1 to 255 visible ASCII characters.")
        wanted = bodies.onboarding_request(request, now)
        self._check_environment(wanted)
        self.tenants.check(str(wanted.tenant_id))
        if _dry_run(request):
            await self._check_shared(wanted, caller)
            rehearsal = await self.rehearse(wanted, caller.id, now)
            return answer(documents.rehearsal(wanted, rehearsal))
        identifier = keys.derived_id("onboarding", caller.id, key) if key else str(uuid.uuid4())
        fingerprint = bodies.fingerprint(wanted.model_dump(mode="json", by_alias=True))
        if key and wanted.server_app.existing and (before := await self.engine.store.load(identifier)):
            # What comes again is answered before its secret would be put into the vault once more, and
            # whatever has become of the connection that it shares.
            return self._accepted(request, _repeated(before.head, fingerprint))
        await self._check_shared(wanted, caller)
        wanted = await self.keep_secret(wanted, identifier)
        traceparent = request.headers.get("traceparent", "")
        head = Head(
            id=identifier,
            plan=ONBOARD[wanted.deployment_model].name,
            tenant=str(wanted.tenant_id),
            name=wanted.name,
            requester=caller.id,
            requester_name=caller.name,
            created_at=now,
            request=wanted.model_dump(mode="json", by_alias=True),
            fingerprint=fingerprint,
            traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else "",
        )
        if existing := await self.engine.start(head):
            head = _repeated(existing.head, fingerprint)
        return self._accepted(request, head)

    def _accepted(self, request: func.HttpRequest, head: Head) -> func.HttpResponse:
        url = self.front.url(request, f"onboardings/{head.id}")
        headers = {"Location": url, "Operation-Location": url, **_RETRY_AFTER}
        return answer(documents.accepted(head), HTTPStatus.ACCEPTED, headers)

    async def list(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """A page of onboardings, newest first; a requester's own, an operator's all."""
        page = Page.of(request, "status", "tenantId")
        parameters = {name: request.params[name] for name in ("status", "tenantId") if name in request.params}
        view = View(
            requester=None if caller.operates else caller.id,
            tenant=tenant_id(parameters),
            status=one_of(parameters, "status", RunStatus),
        )
        try:
            entries, continuation = await self.engine.index.page(
                view, size=page.size, continuation=page.continuation
            )
        except InvalidContinuationError as error:
            raise bad_continuation() from error
        runs = await asyncio.gather(*(self.engine.store.load(entry.run) for entry in entries))
        shown = {run.head.id: documents.summary(run) for run in runs if run is not None and _in(view, run)}
        url = self.front.url(request, "onboardings")
        return answer(page.answer(shown.values(), continuation, url, parameters))

    async def get(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """One onboarding with its steps."""
        run = await self._find(request, caller)
        final = run.status(PLANS[run.head.plan]).final
        events = self.front.url(request, f"onboardings/{run.head.id}/events")
        return answer(documents.onboarding(run, events), headers={} if final else _RETRY_AFTER)

    async def events(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """A page of the audit trail of one onboarding, oldest first."""
        page = Page.of(request)
        run = await self._find(request, caller)
        try:
            events, continuation = await self.engine.store.events(
                run.head.id, size=page.size, continuation=page.continuation
            )
        except InvalidContinuationError as error:
            raise bad_continuation() from error
        url = self.front.url(request, f"onboardings/{run.head.id}/events")
        return answer(page.answer(map(documents.event, events), continuation, url, {}))

    async def _find(self, request: func.HttpRequest, caller: Caller) -> Run:
        """The run of a route, if the caller may see it. Others' look like none."""
        name = request.route_params.get("id", "")
        run = await self.engine.store.load(name) if is_id(name) else None
        if run is None or not caller.may_see(run.head.requester):
            raise not_found("The onboarding")
        return run

    async def _check_shared(self, wanted: OnboardingRequest, caller: Caller) -> None:
        """Raises ``ProblemError`` (422) unless the caller may see the connection that is shared."""
        existing = wanted.server_app.existing
        if existing is None or existing.connection_id is None:
            return
        found = await self.connections.get(existing.connection_id)
        if found and found.tenant == str(wanted.tenant_id) and caller.may_see(found.requester):
            return
        finding = Finding(
            code="connection-not-found",
            pointer="/serverApp/existing/connectionId",
            detail=f"The tenant has no connection {existing.connection_id}, or it is not yours.",
            remedy="Name a connection of the same tenant that you asked for, or have an operator ask.",
        )
        raise invalid((finding,))

    def _check_environment(self, wanted: OnboardingRequest) -> None:
        if wanted.azure_environment != self.environment:
            finding = Finding(
                code="other-environment",
                pointer="/azureEnvironment",
                detail=f"This deployment serves {self.environment} only: each cloud has tokens of its own.",
                remedy=f"Use the deployment in {wanted.azure_environment}.",
            )
            raise invalid((finding,))


def _repeated(before: Head, fingerprint: str) -> Head:
    """The head of the request that came before with the same key, if it asked for the same."""
    if before.fingerprint != fingerprint:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            "idempotency-key-reused",
            "The Idempotency-Key was used for another request",
            "Use a new key for a new request, or send the same body to get the same answer.",
        )
    return before


def _in(view: View, run: Run) -> bool:
    """Whether a run is what a view shows, now that it is known whole."""
    head = run.head
    return (
        view.requester in {None, head.requester}
        and view.tenant in {None, head.tenant}
        and view.status in {None, run.status(PLANS[run.head.plan])}
    )


def _dry_run(request: func.HttpRequest) -> bool:
    if unknown := sorted(set(request.params) - {"dryRun"}):
        raise bad_parameter(unknown[0], "there is no such parameter; there is dryRun.")
    text = str(request.params.get("dryRun", "false")).casefold()
    if text not in {"true", "false"}:
        raise bad_parameter("dryRun", "must be true or false.")
    return text == "true"
