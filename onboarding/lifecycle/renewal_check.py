"""The first step of a renewal: whether the tenant and Configuration Manager accept another secret."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onboarding.cloud.applications import created
from onboarding.cmg import versions
from onboarding.errors import Finding, PermanentError, Severity, cloud, first_actor, prerequisites, steps
from onboarding.lifecycle import policies, renewal_mark
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.facts import ASKED_AGAIN
from onboarding.lifecycle.renewal_mark import RenewalContext
from onboarding.lifecycle.requests import Renewal
from onboarding.storage.codec import Codec
from onboarding.texts import phrases
from onboarding.words.word import Word
from onboarding.workflow.outcomes import Done
from onboarding.workflow.plan import Step


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """The server app, and the findings for people."""

    object_id: str
    findings: tuple[Finding, ...] = ()


async def check(context: RenewalContext) -> Done[CheckResult]:
    """Fails with the reason if the tenant or Configuration Manager would refuse the renewal later."""
    services, connection = context.services, await renewal_mark.take(context)
    directory = services.directory(context.request.tenant)
    request = connection.request
    try:
        app = await directory.application(connection.server_app.app_id)
    except PermanentError as error:
        if error.code != cloud.REQUEST_RESOURCE_NOT_FOUND.code:
            raise
        app_id = connection.server_app.app_id
        raise steps.APPLICATION_DELETED.error(app=app_id, request_id=error.request_id) from error
    now = services.clock.now()
    made = created(app)
    until = versions.renewable_until(made, request.config_mgr_version) if made else None
    if made and until and until <= now:
        raise steps.APPLICATION_TOO_OLD.error(
            name=Word(app["displayName"]),
            created=made,
            version=versions.FIRST_WITH_AGE_LIMIT,
            days=versions.OLDEST_RENEWABLE.days,
        )
    found: tuple[Finding, ...] = ()
    if not connection.imports_server_app:
        found = await _of_policies(context, app["id"], made or now)
        if any(finding.severity is Severity.ERROR for finding in found):
            raise steps.SECRET_REFUSED.error(actor=first_actor(found), findings=found)
    return Done(result=CheckResult(object_id=app["id"], findings=found), note=_note(found))


async def _of_policies(context: RenewalContext, app: str, made: datetime) -> tuple[Finding, ...]:
    """The conflicts with app management policies, and what the service could not read."""
    read = await context.services.directory(context.request.tenant).policies(app)
    if read.later and context.step.tries < ASKED_AGAIN:
        raise read.later
    counting = policies.Policies(tenant=read.tenant, own=read.own, created_at=made)
    ends_at = context.request.ends_at(context.accepted_at)
    found = list(policies.of_secret(counting, ends_at, context.accepted_at, context.request.end_field))
    if read.unread:
        subject, permission = phrases.POLICY.of(), "Policy.Read.All"
        found.append(
            prerequisites.NOT_CHECKED.finding(subject=subject, permission=permission, answer=read.unread)
        )
    return tuple(found)


def _note(found: Iterable[Finding]) -> str:
    """The warnings, for the audit trail."""
    return " ".join(finding.detail for finding in found if finding.severity is Severity.WARNING)


CHECK: Final[Step[Services, Renewal, CheckResult]] = Step(
    name="check",
    title="Check that the secret may be renewed",
    handler=check,
    result=Codec(CheckResult),
    undo=renewal_mark.undo,
)
