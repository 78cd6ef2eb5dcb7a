"""The first step of a renewal: whether the tenant and Configuration Manager accept another secret."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from onboarding.cloud.directory import created
from onboarding.cmg import versions
from onboarding.errors import Actor, PermanentError, Severity, cloud, steps
from onboarding.lifecycle import policies, renewal_mark
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.renewal_mark import RenewalContext
from onboarding.lifecycle.requests import Renewal
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done
from onboarding.workflow.plan import Step


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """The server app."""

    object_id: str


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
            name=app["displayName"],
            created=made,
            version=versions.FIRST_WITH_AGE_LIMIT,
            days=versions.OLDEST_RENEWABLE.days,
        )
    ends_at = context.request.ends_at(context.accepted_at)
    if not connection.imports_server_app:
        default, own = await directory.policies(app["id"])
        counting = policies.Policies(tenant=default, own=own, created_at=made or now)
        found = policies.of_secret(counting, ends_at, context.accepted_at)
        refusals = tuple(
            replace(each, pointer="")  # it points into the request of an onboarding
            for each in found
            if each.severity is Severity.ERROR
        )
        if refusals:
            raise steps.SECRET_REFUSED.error(
                actor=Actor.of(refusals),
                findings=refusals,
            )
    return Done(result=CheckResult(object_id=app["id"]))


CHECK: Final[Step[Services, Renewal, CheckResult]] = Step(
    name="check",
    title="Check that the secret may be renewed",
    handler=check,
    result=Codec(CheckResult),
    undo=renewal_mark.undo,
)
