"""``POST /api/reconcile``: after a restore, compare the records with the tenants and the vault."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from onboarding.api.documents import open_value
from onboarding.api.endpoint import CLOUD_REFUSES, OPERATORS, Call, endpoint
from onboarding.api.paging import Page, PageQuery
from onboarding.api.reading import Flag, Id
from onboarding.api.told import Told
from onboarding.errors import Severity
from onboarding.recovery.reconciler import CODEC, Reconciler, ReconciliationRequest
from onboarding.recovery.reconciliation import Found
from onboarding.storage.codec import UnreadableError
from onboarding.storage.tables import InvalidContinuationError
from onboarding.storage.unreadable_rows import Readable
from onboarding.words.word import EMPTY, Word


class ReconcileQuery(PageQuery):
    """What is reconciled."""

    dry_run: Flag = Field(False, description="Show what would change; write nothing.")
    tenant_id: Id | None = Field(
        None, description="Only this tenant. Notices and removals still wait afterwards."
    )


class Reconciled(Told):
    """A record that differs from the tenants and the vault: it is corrected, or somebody must decide."""

    tenant_id: str
    connection_id: str = ""
    connection_name: Word = EMPTY
    onboarding_id: str = ""
    code: Annotated[str, open_value("ReconciliationCode")]
    severity: Annotated[Severity, Field(description="Error: an operator must act.")]

    @classmethod
    def of(cls, tenant: str, found: Found) -> Self:
        """What was found in a tenant."""
        finding = found.finding
        return cls(
            tenant_id=tenant,
            connection_id=found.connection,
            connection_name=found.name,
            onboarding_id=found.onboarding,
            code=finding.code,
            severity=finding.severity,
            actor=finding.actor,
            title=finding.title,
            detail=finding.detail,
            remedy=finding.remedy,
            documentation=finding.documentation,
            args=finding.args,
            actions=finding.actions,
        )


class Reconciliation(Page[Reconciled]):
    """What was found in some tenants. Follow nextLink with POST until it is missing."""

    dry_run: bool
    tenants: Annotated[int, Field(description="How many tenants this call has reconciled.")]
    paused: Annotated[bool, Field(description="Whether notices and removals wait after this call.")]


class ReconciliationsResource:
    """The endpoint."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler

    @endpoint(
        "POST /reconcile",
        name="reconcile",
        roles=OPERATORS,
        answers={200: Reconciliation},
        problems=(CLOUD_REFUSES,),
    )
    async def reconcile(self, call: Call[ReconcileQuery, None]) -> Reconciliation:
        """Compare the records with the tenants and the vault, and correct the records."""
        query, progress = call.query, None
        if query.continuation:
            try:
                progress = CODEC.load(query.continuation)
            except UnreadableError as error:
                raise InvalidContinuationError from error
        wanted = ReconciliationRequest(
            author=call.caller.author, dry_run=query.dry_run, tenant=query.tenant_id, size=query.size
        )
        part = await self._reconciler.run(wanted, progress)
        continuation = CODEC.dump(part.progress) if part.progress else ""
        return Reconciliation.of(
            Readable(Reconciled.of(tenant, found) for tenant, found in part.found),
            call.next_link(continuation, maxpagesize=query.size, dryRun=str(query.dry_run).lower()),
            dry_run=query.dry_run,
            tenants=part.tenants,
            paused=part.paused,
        )
