"""``/api/onboardings``: ask for one, look at it, and undo it."""

from __future__ import annotations

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
from onboarding.api.front import answer
from onboarding.api.operations import Operations, Removal
from onboarding.api.problems import ProblemError, bad_parameter, invalid
from onboarding.api.runs import RETRY_AFTER, Runs, traceparent
from onboarding.api.tenants import Tenants
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.connection_store import ConnectionStore
from onboarding.errors import Finding
from onboarding.lifecycle.plans import ONBOARD
from onboarding.storage import keys
from onboarding.workflow.run import Head, RunStatus

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


if TYPE_CHECKING:
    from onboarding.lifecycle.rehearsal import Rehearsal


@dataclass(frozen=True, kw_only=True, slots=True)
class _Undo:
    """A way to undo an onboarding."""

    stop_as: RunStatus
    of: frozenset[RunStatus]  # the statuses that it goes with
    participle: str
    otherwise: str  # what to do in another status


_CANCEL: Final = _Undo(
    stop_as=RunStatus.CANCELLED,
    of=frozenset({RunStatus.NOT_STARTED, RunStatus.RUNNING, RunStatus.WAITING}),
    participle="cancelled",
    otherwise="Roll back one that has failed; off-board the connection of one that succeeded.",
)
_ROLL_BACK: Final = _Undo(
    stop_as=RunStatus.ROLLED_BACK,
    of=frozenset({RunStatus.FAILED}),
    participle="rolled back",
    otherwise="Cancel one that is under way; off-board the connection of one that succeeded.",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Onboardings:
    """The endpoints."""

    runs: Runs
    operations: Operations
    environment: str  # the Azure environment of this deployment
    tenants: Tenants
    channels: tuple[str, ...]  # for people, by name
    connections: ConnectionStore
    keep_secret: Callable[[OnboardingRequest, str], Awaitable[OnboardingRequest]]
    rehearse: Callable[[OnboardingRequest, str, datetime], Awaitable[Rehearsal]]

    async def create(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Accepts an onboarding: 202, with where to look for its status.

        With an ``Idempotency-Key`` the id is derived from caller and key, so the insert itself finds out
        whether the same request came before; then the same answer is given again.
        """
        now = self.runs.engine.clock.now()
        key = request.headers.get("Idempotency-Key")
        if key is not None and not _KEY.fullmatch(key):
            raise bad_parameter("Idempotency-Key", "must be 1 to 255 visible ASCII characters.")
        wanted = bodies.onboarding_request(request, now)
        self._check_environment(wanted)
        self.tenants.check(str(wanted.tenant_id))
        self._check_channels(wanted)
        if _dry_run(request):
            await self._check_shared(wanted, caller)
            rehearsal = await self.rehearse(wanted, caller.id, now)
            return answer(documents.rehearsal(wanted, rehearsal))
        identifier = keys.derived_id("onboarding", caller.id, key) if key else str(uuid.uuid4())
        fingerprint = bodies.fingerprint(wanted.model_dump(mode="json", by_alias=True))
        if key and wanted.server_app.existing and (before := await self.runs.engine.store.load(identifier)):
            # What comes again is answered before its secret would be put into the vault once more, and
            # whatever has become of the connection that it shares.
            return self._accepted(request, _repeated(before.head, fingerprint))
        await self._check_shared(wanted, caller)
        wanted = await self.keep_secret(wanted, identifier)
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
            traceparent=traceparent(request),
        )
        if existing := await self.runs.engine.start(head):
            head = _repeated(existing.head, fingerprint)
        return self._accepted(request, head)

    def _accepted(self, request: func.HttpRequest, head: Head) -> func.HttpResponse:
        return self.runs.accepted(request, head, documents.accepted(head))

    async def get(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """One onboarding with its steps."""
        run = await self.runs.find(request, caller)
        final = self.runs.status(run).final
        document = documents.onboarding(run, self.runs.events_url(request, run))
        return answer(document, headers={} if final else RETRY_AFTER)

    async def cancel(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Stops an onboarding that is under way, and removes what it has made: 202."""
        return await self._undo(request, caller, _CANCEL)

    async def roll_back(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """Removes what a failed onboarding has made: 202."""
        return await self._undo(request, caller, _ROLL_BACK)

    async def _undo(self, request: func.HttpRequest, caller: Caller, way: _Undo) -> func.HttpResponse:
        run = await self.runs.find(request, caller)
        status = self.runs.status(run)
        if status not in way.of and run.head.stop_as is not way.stop_as:
            raise self.runs.not_now(status, way.participle, way.otherwise)
        wanted = Removal(
            onboarding=run.head.id,
            tenant=run.head.tenant,
            name=run.head.name,
            request=run.head.request,
            stop_as=way.stop_as,
        )
        return await self.operations.remove(request, caller, wanted)

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

    def _check_channels(self, wanted: OnboardingRequest) -> None:
        """A name of no channel is refused: it would name a secret of the vault that is nobody's to name."""
        findings = tuple(
            Finding(
                code="channel-unknown",
                pointer=f"/notices/channels/{number}",
                detail=f"This deployment has no channel '{name}'.",
                remedy=f"It has {', '.join(self.channels) or 'none'}. NOTICE_CHANNELS lists them.",
            )
            for number, name in enumerate(wanted.notices.channels or ())
            if name not in self.channels
        )
        if findings:
            raise invalid(findings)


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


def _dry_run(request: func.HttpRequest) -> bool:
    if unknown := sorted(set(request.params) - {"dryRun"}):
        raise bad_parameter(unknown[0], "there is no such parameter; there is dryRun.")
    text = str(request.params.get("dryRun", "false")).casefold()
    if text not in {"true", "false"}:
        raise bad_parameter("dryRun", "must be true or false.")
    return text == "true"
