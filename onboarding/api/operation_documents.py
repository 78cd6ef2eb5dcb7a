"""The documents of operations: renewals and removals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from onboarding import errors
from onboarding.api.documents import Document, LeftBehindCode, Wording, wording
from onboarding.api.paging import Page
from onboarding.api.run_documents import OPERATIONS, Progress, Requester, Step, error_of
from onboarding.api.told import Finding, StepError
from onboarding.lifecycle.removal_halt import HALT
from onboarding.lifecycle.removal_steps import (
    DELETE_CLIENT,
    DELETE_SERVER,
    INVENTORY,
    REMOVE,
    REVOKE,
)
from onboarding.lifecycle.renewal_check import CHECK
from onboarding.lifecycle.renewal_steps import RENEW
from onboarding.lifecycle.requests import TENANT, Removal, Renewal
from onboarding.texts import phrases
from onboarding.words.word import Word
from onboarding.workflow.run import Head, Run, RunStatus


class OperationKind(StrEnum):
    """What an operation does with a connection or an onboarding."""

    RENEWAL = "renewal"
    REMOVAL = "removal"


class OperationSummary(Progress):
    """A renewal or a removal in a list."""

    id: UUID
    kind: OperationKind
    status: RunStatus
    name: Annotated[Word, Field(description="The name of the connection.")]
    tenant_id: UUID
    created_at: datetime
    requested_by: Requester
    connection_id: str | None
    onboarding_id: Annotated[
        UUID | None, Field(description="The onboarding of the connection, or the one that is undone.")
    ]
    labels: Annotated[dict[str, Word], Field(description="Of the onboarding.")]
    error: StepError | None

    @classmethod
    def of(cls, run: Run, status: RunStatus, **more: Any) -> Self:
        """A renewal or a removal."""
        head, request = run.head, request_of(run.head)
        connection = request.connection
        if isinstance(request, Removal) and not connection:
            halted = HALT.found_in(run)
            connection = halted.connection if halted else None
        return cls(
            **cls.of_run(run, status),
            id=head.id,
            kind=head.plan,
            status=status,
            name=request.name,
            tenant_id=head.lists[TENANT],
            created_at=head.created_at,
            requested_by=Requester.of(head),
            connection_id=connection,
            onboarding_id=request.onboarding or None,
            labels=request.labels,
            error=error_of(run, OPERATIONS),
            **more,
        )


class LeftBehind(Document):
    """Something that a removal did not remove."""

    kind: Literal["clientApp", "serverApp", "consent", "resourceProvider"]
    id: Annotated[
        str,
        Field(
            description="The object ID, client ID or unique name of the application, the object ID of its "
            "service principal, or the namespace of the resource provider."
        ),
    ]
    reason: Annotated[Wording, Field(description="Why it was left behind, and who can remove it.")]
    reason_code: Annotated[LeftBehindCode, Field(description="The same for programs.")] = ""
    reason_args: Annotated[dict[str, Any], Field(default_factory=dict, description="The values in `reason`.")]
    needed_by: Annotated[
        tuple[str, ...],
        Field(description="The connections and onboardings that use it. Requesters see only their own."),
    ]

    @classmethod
    def all_of(cls, run: Run, *, operates: bool) -> tuple[Self, ...]:
        """Everything that a removal has left behind so far, as an operator or the requester sees it."""
        results = (step.found_in(run) for step in (INVENTORY, REVOKE, DELETE_CLIENT, DELETE_SERVER))
        found = (left for result in results if result for left in result.left)
        return tuple(
            cls(
                kind=left.kind,
                id=left.id,
                **wording("reason", phrases.stored(left.said, left.reason)),
                needed_by=left.needed_by if operates else left.of_same,
            )
            for left in found
        )


class Operation(OperationSummary):
    """A renewal or a removal with its steps."""

    steps: tuple[Step, ...]
    findings: Annotated[
        tuple[Finding, ...], Field(description="What a renewal found before it created the new secret.")
    ]
    left_behind: Annotated[
        tuple[LeftBehind, ...], Field(description="What a removal did not remove, and why.")
    ]
    events_url: str

    @staticmethod
    def findings_of(run: Run) -> Sequence[errors.Finding]:
        """What a renewal found, whether it could continue or not."""
        if run.head.plan != RENEW.name:
            return ()
        passed, failure = CHECK.found_in(run), run.steps[CHECK.name].error
        if passed:
            return passed.findings
        return failure.findings if failure else ()


class OperationList(Page[OperationSummary]):
    """A page of operations."""


def request_of(head: Head) -> Removal | Renewal:
    """The request of an operation."""
    return REMOVE.request_of(head) if head.plan == REMOVE.name else RENEW.request_of(head)
