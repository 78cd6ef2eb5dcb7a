"""``/api/audit``: who did what, for which tenant and connection; verify and restore the trail."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from onboarding.api.audit_documents import (
    AuditEvent,
    AuditEventList,
    AuditGap,
    AuditRestoration,
    AuditVerification,
    RestoredAuditChain,
)
from onboarding.api.endpoint import OPERATORS, Call, endpoint
from onboarding.api.paging import ContinuedQuery, PageQuery
from onboarding.api.problems import invalid_parameters
from onboarding.api.reading import Flag, Id, Parameters
from onboarding.audit.selection import Selection
from onboarding.audit.trail import Trail, TrailView
from onboarding.audit.trail_restoration import By, RestoredChain, TrailRestoration
from onboarding.audit.verification import Verification
from onboarding.clock import Clock
from onboarding.cmg.fields import Timestamp
from onboarding.errors import parameters
from onboarding.storage import call_timeouts
from onboarding.storage.unreadable_rows import Readable

_VERIFIED: Final = timedelta(days=31)
_MOST_CHAINS: Final = 50
"""The number of chains with differences that one call restores."""

_LONGEST: Final = 30.0
"""Seconds after which a call does not begin another chain. It completes the one that it reads."""

_STORAGE_SECONDS: Final = 150.0
"""Seconds for all storage calls of a call that reads whole chains. Azure ends a request after 230 seconds:
https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout.
"""


class Period(Parameters):
    """A time."""

    tenant_id: Id | None = Field(None, description="Only events of this tenant.")
    since: Timestamp | None = Field(None, alias="from", description="Only events from this time on.")
    until: Timestamp | None = Field(None, alias="to", description="Only events before this time.")


class AuditQuery(PageQuery, Period):
    """Which events are requested."""

    connection_id: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        None,
        description="Only events of this connection, even before it existed and after it was removed.",
    )
    actor_id: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        None, description="Only events of this caller: an object ID, or service."
    )


class VerifyQuery(ContinuedQuery, Period):
    """What is verified."""


class RestoreQuery(ContinuedQuery, Period):
    """What is restored."""

    dry_run: Flag = Field(False, description="Show what differs; write nothing.")


class AuditResource:
    """The endpoints."""

    def __init__(
        self,
        *,
        trail: Trail,
        verification: Verification,
        restoration: TrailRestoration,
        clock: Clock,
        retention_days: int,
    ) -> None:
        self._trail = trail
        self._verification = verification
        self._restoration = restoration
        self._clock = clock
        self._retention = timedelta(days=retention_days)

    @endpoint(
        "GET /audit",
        name="list_audit",
        roles=OPERATORS,
        answers={200: AuditEventList},
    )
    async def list(self, call: Call[AuditQuery, None]) -> AuditEventList:
        """List the audit trail of a tenant, a connection, a caller or a period, oldest first."""
        query = call.query
        since, until = self._period(query, self._retention)
        view = TrailView(
            since=since,
            until=until,
            tenant=query.tenant_id or "",
            connection=query.connection_id or "",
            actor=query.actor_id or "",
        )
        found, continuation = await self._trail.page(view, size=query.size, continuation=query.continuation)
        shown = Readable([AuditEvent.of(event) for event in found], found.unreadable)
        return AuditEventList.of(shown, call.next_link(continuation, maxpagesize=query.size))

    @endpoint(
        "GET /audit/verify",
        name="verify_audit",
        roles=OPERATORS,
        answers={200: AuditVerification},
    )
    async def verify(self, call: Call[VerifyQuery, None]) -> AuditVerification:
        """Compare the audit trail with its append-only copy, and find the first gap.

        It verifies whole months, by default those of the last 31 days, until it finds a gap, or for 30
        seconds. Follow nextLink until it is missing: the last answer has the result, `intact`.
        """
        selection = self._selection(call.query)
        with call_timeouts.limited(_STORAGE_SECONDS):
            verified = await self._verification.run(selection, seconds=_LONGEST)
        return AuditVerification(
            intact=None if verified.after else verified.gap is None,
            next_link=call.next_link(verified.after),
            chains=verified.chains,
            events=verified.events,
            gap=AuditGap.of(verified.gap) if verified.gap else None,
            checked_at=self._clock.now(),
        )

    @endpoint(
        "POST /audit/restore",
        name="restore_audit",
        roles=OPERATORS,
        answers={200: AuditRestoration},
    )
    async def restore(self, call: Call[RestoreQuery, None]) -> AuditRestoration:
        """Restore the audit trail from its append-only copy.

        It restores whole months, by default those of the last 31 days.
        """
        query, caller = call.query, call.caller
        selection = self._selection(query)
        by = By(name=caller.name, id=caller.id, on_behalf_of=caller.on_behalf_of)
        restored, done, continuation, began = list[RestoredChain](), "", "", time.monotonic()
        with call_timeouts.limited(_STORAGE_SECONDS):
            async for chain in selection.chains(self._verification.chains):
                spent = time.monotonic() - began
                if done and (len(restored) == _MOST_CHAINS or spent > _LONGEST):
                    continuation = done
                    break
                found = await self._restoration.restore(chain, by, dry_run=query.dry_run)
                restored += [found] if found else []
                done = chain
        return AuditRestoration.of(
            Readable(map(RestoredAuditChain.of, restored)),
            call.next_link(continuation, dryRun=str(query.dry_run).lower()),
            dry_run=query.dry_run,
        )

    def _selection(self, query: VerifyQuery | RestoreQuery) -> Selection:
        since, until = self._period(query, _VERIFIED)
        return Selection(since=since, until=until, tenant=query.tenant_id or "", after=query.continuation)

    def _period(self, query: Period, default: timedelta) -> tuple[datetime, datetime]:
        """The requested period. Raises ``ProblemError`` (400) for a period that ends before it begins."""
        until = query.until or self._clock.now() + timedelta(seconds=1)
        since = query.since or until - default
        if since >= until or until - since > timedelta(days=36500):
            raise invalid_parameters({"from": parameters.PERIOD_NOT_POSSIBLE.finding()})
        return since, until
