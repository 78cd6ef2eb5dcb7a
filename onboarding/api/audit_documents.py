"""What the API shows of the audit trail: its events, and what differs from the copy."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from onboarding.api.documents import Document, FailureCode, StoredId
from onboarding.api.paging import Continued, Page
from onboarding.api.run_documents import CloudCall, OnBehalfOf
from onboarding.audit import audit_event
from onboarding.audit.trail_restoration import RestoredChain
from onboarding.audit.verification import Gap, GapReason


class AuditEvent(Document):
    """An event of the audit trail."""

    id: Annotated[StoredId, Field(description="The same event has the same ID, even if it is listed twice.")]
    at: datetime
    kind: Annotated[
        str,
        Field(description="The name of the called endpoint, or what happened in a run, such as accepted."),
    ]
    actor: Annotated[
        str, Field(description="The name of the caller. It can change, or somebody else can get it later.")
    ]
    actor_id: Annotated[str, Field(description="Object ID of the caller. Empty: the service, or a link.")] = (
        ""
    )
    on_behalf_of: OnBehalfOf | None = None
    tenant_id: StoredId = ""
    connection_id: str = ""
    run_id: Annotated[str, Field(description="The onboarding, operation, delivery or inspection.")] = ""
    step: str = ""
    attempt: int = 0
    request_id: Annotated[str, Field(description="x-ms-request-id of the call of this API.")] = ""
    status: Annotated[
        int | None,
        Field(description="HTTP status of the answer. Missing if noted before the call took effect."),
    ] = None
    detail: Annotated[str, Field(description="Data: it can contain text from requesters.")] = ""
    error: FailureCode = ""
    calls: Annotated[tuple[CloudCall, ...], Field(description="The calls to the Microsoft cloud.")] = ()
    version: Annotated[str, Field(description="The commit of the code that wrote it.")] = ""
    chain: Annotated[str, Field(description="Month and tenant.")]
    number: Annotated[int, Field(description="Of the event in its chain.")]

    @classmethod
    def of(cls, event: audit_event.AuditEvent) -> Self:
        """An event."""
        return cls(
            id=event.id,
            at=event.at,
            kind=event.kind,
            actor=event.actor,
            actor_id=event.actor_id,
            on_behalf_of=event.on_behalf_of,
            tenant_id=event.tenant,
            connection_id=event.connection,
            run_id=event.run,
            step=event.step,
            attempt=event.attempt,
            request_id=event.request,
            status=event.status or None,
            detail=event.detail,
            error=event.error,
            calls=tuple(CloudCall.model_validate(call) for call in event.calls),
            version=event.commit,
            chain=event.chain,
            number=event.number,
        )


class AuditEventList(Page[AuditEvent]):
    """A page of events, the oldest first."""


class AuditGap(Document):
    """The first event of the trail that differs from the copy."""

    chain: str
    number: int
    reason: GapReason
    key: Annotated[str, Field(description="The row of the table audit; its partition is the chain.")] = ""
    written: Annotated[
        AuditEvent | None, Field(description="The event as the service wrote it, from the copy.")
    ] = None

    @classmethod
    def of(cls, gap: Gap) -> Self:
        """A gap."""
        written = AuditEvent.of(gap.written) if gap.written else None
        return cls(chain=gap.chain, number=gap.number, reason=gap.reason, key=gap.key, written=written)


class AuditVerification(Continued):
    """Whether the trail is as the service wrote it."""

    intact: Annotated[
        bool | None,
        Field(
            description=(
                "The result for the whole request. Missing with nextLink: no gap was found so far, and "
                "there is more to verify."
            )
        ),
    ] = None
    chains: Annotated[int, Field(description="How many chains this call has verified.")]
    events: Annotated[int, Field(description="How many events of the copy they have.")]
    gap: AuditGap | None = None
    checked_at: datetime


class RestoredAuditChain(Document):
    """What differs in the events of a tenant in a month, and is restored from the copy."""

    chain: str
    restored: Annotated[int, Field(description="Events that were missing or changed.")]
    removed: Annotated[int, Field(description="Rows that the service did not write.")]
    broken_at: Annotated[
        int | None,
        Field(description="The line from which on the copy is not one chain: nothing after it is restored."),
    ]
    gap: Annotated[AuditGap, Field(description="The first difference.")]

    @classmethod
    def of(cls, restored: RestoredChain) -> Self:
        """A chain."""
        return cls(
            chain=restored.chain,
            restored=restored.restored,
            removed=restored.removed,
            broken_at=restored.broken.number if restored.broken else None,
            gap=AuditGap.of(restored.first),
        )


class AuditRestoration(Page[RestoredAuditChain]):
    """What differs in some chains. Follow nextLink with POST until it is missing."""

    dry_run: bool
