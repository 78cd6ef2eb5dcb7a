"""The answers about onboardings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from onboarding import errors
from onboarding.api.documents import CloudService, Document, FullRequest, Label, StepName
from onboarding.api.paging import Page
from onboarding.api.run_documents import ONBOARDINGS, Progress, RemovalSummary, Requester, Step, error_of
from onboarding.api.told import Finding, StepError
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import Severity
from onboarding.lifecycle.plans import PLANS, plan_of
from onboarding.lifecycle.remains import leaves_something
from onboarding.lifecycle.requests import TENANT
from onboarding.lifecycle.steps.connection import CONNECTION
from onboarding.lifecycle.steps.preflight import PREFLIGHT
from onboarding.words.word import Word
from onboarding.workflow.run import Run, RunStatus

if TYPE_CHECKING:
    from onboarding.lifecycle import dry_run


class OnboardingSummary(Progress):
    """An onboarding in a list."""

    id: UUID
    status: RunStatus
    name: Word
    tenant_id: UUID
    created_at: datetime
    requested_by: Requester
    connection_id: str | None
    connection_url: str | None
    error: Annotated[StepError | None, Field(description="Of the onboarding, or of the removal.")]
    removal: Annotated[
        RemovalSummary | None, Field(description="While and after the onboarding is undone; otherwise null.")
    ]
    needs_rollback: Annotated[
        bool, Field(description="Something that a failed onboarding created may still exist: roll it back.")
    ]
    labels: dict[str, Word]

    @classmethod
    def of(
        cls,
        run: Run,
        status: RunStatus,
        url: Callable[[str], str],
        removal: RemovalSummary | None = None,
        **more: Any,
    ) -> Self:
        """An onboarding. ``url`` makes the URL of a path."""
        made, request = CONNECTION.found_in(run), PLANS[run.head.plan].request_of(run.head)
        return cls(
            **cls.of_run(run, status),
            id=run.head.id,
            status=status,
            name=request.name,
            tenant_id=run.head.lists[TENANT],
            created_at=run.head.created_at,
            requested_by=Requester.of(run.head),
            connection_id=made.id if made else None,
            connection_url=url(f"connections/{made.id}") if made else None,
            error=(removal.error if removal else None) or error_of(run, ONBOARDINGS),
            removal=removal,
            labels=request.labels,
            needs_rollback=status is RunStatus.FAILED and leaves_something(run),
            **more,
        )


class Onboarding(OnboardingSummary):
    """An onboarding with its steps."""

    steps: tuple[Step, ...]
    findings: Annotated[tuple[Finding, ...], Field(description="What the preflight found.")]
    request: FullRequest
    handover_url: str | None
    consent_url: Annotated[
        str | None,
        Field(description="A page for the administrator who consents, while the onboarding waits."),
    ]
    events_url: str

    @staticmethod
    def findings_of(run: Run) -> Sequence[errors.Finding]:
        """What the preflight found, whether the onboarding passed or not."""
        passed, failure = PREFLIGHT.found_in(run), run.steps[PREFLIGHT.name].error
        if passed:
            return passed.findings
        return failure.findings if failure else ()


class OnboardingList(Page[OnboardingSummary]):
    """A page of onboardings."""


class PlannedStep(Document):
    """A step that the onboarding would have."""

    name: StepName
    title: Label
    after: tuple[StepName, ...]


class PlannedCall(Document):
    """A call that the onboarding would make. Values that only an answer provides are in braces."""

    step: Annotated[StepName, Field(description="Missing for a call made when the request arrives.")] = ""
    service: CloudService
    method: str
    path: str
    body: dict[str, Any] | None = None


class DryRun(Document):
    """What an onboarding would find and do. Nothing was written."""

    would_fail: bool
    tenant_name: Annotated[Word, Field(description="Empty if the service cannot read it.")]
    tenant_domain: Annotated[
        Word, Field(description="The initial domain of the tenant, such as contoso.onmicrosoft.com.")
    ]
    findings: tuple[Finding, ...]
    steps: tuple[PlannedStep, ...]
    calls: tuple[PlannedCall, ...]
    request: FullRequest

    @classmethod
    def of(
        cls,
        wanted: OnboardingRequest,
        found: dry_run.DryRun,
        *,
        besides: Sequence[errors.Finding] = (),
    ) -> Self:
        """The result of a dry run. ``besides`` has what a dry run in the directory cannot find."""
        findings = (*besides, *found.findings)
        return cls(
            would_fail=any(finding.severity is Severity.ERROR for finding in findings),
            tenant_name=found.tenant_name,
            tenant_domain=found.tenant_domain,
            findings=findings,
            steps=tuple(plan_of(wanted).steps.values()),
            calls=found.calls,
            request=wanted.complete(),
        )
