"""What an onboarding creates in the directory, and how long the directory may take to show it.

An application is created once. Its ids are kept with the step, so that a later attempt repeats only what
failed. Just after a creation, other replicas of the directory answer as if the application did not exist, or
as if the service did not own it. For a few minutes, that counts as replication lag, whatever the text. After
that, it is final.

Source: https://learn.microsoft.com/graph/errors, and "a newly created object may return Not Found" in
https://devblogs.microsoft.com/identity/.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from onboarding.cloud.applications import Application
from onboarding.cloud.directory import Directory
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import OnboardingError, cloud, steps
from onboarding.lifecycle.context import OnboardingContext, unique_name
from onboarding.storage.codec import Codec
from onboarding.texts import phrases
from onboarding.workflow.outcomes import Done, Outcome, Retry
from onboarding.workflow.run import StepState

_SETTLING: Final = timedelta(minutes=10)
"""For this time, an answer about a new object can come from a replica that does not have the object yet."""

_WRITE_ALL: Final = "Application.ReadWrite.All"
"""The permission that does not require ownership."""

_NOT_OWNED: Final = (
    "The directory does not list the service ({owner}) as an owner of the service principal {object}. So a "
    "removal cannot delete it permanently, and Entra ID does that after 30 days. An administrator can add "
    "the owner: https://learn.microsoft.com/graph/api/serviceprincipal-post-owners."
)

_MEMO: Final = Codec(Application)


def creates(request: OnboardingRequest, role: str) -> bool:
    """Whether an onboarding creates an application (``role``: server or client); otherwise it imports one."""
    app = request.server_app if role == "server" else request.need_client_app()
    return app.existing is None


def directory(context: OnboardingContext) -> Directory:
    """The tenant's directory, for objects that this onboarding has created."""
    found = context.services.directory(context.request.tenant)
    return found.of_new_objects() if _settling(context) else found


def _settling(context: OnboardingContext) -> bool:
    """Whether an answer about a new object can still be replication lag."""
    step = context.step
    since = step.since if step.error else None  # of the error, not of a wait
    return since is None or context.services.clock.now() - since < _SETTLING


def remembered(step: StepState | None) -> Application | None:
    """The application that an attempt of a step has created, if the attempt then failed."""
    return _MEMO.load(step.memo) if step and step.memo else None


def made_by(outcome: Outcome[Any]) -> Application | None:
    """The application of an attempt, as its outcome shows it."""
    if isinstance(outcome, Done):
        result = outcome.result
        return Application(object_id=result.object_id, app_id=result.app_id, created_at=None)
    memo = outcome.memo if isinstance(outcome, Retry) else ""
    return _MEMO.load(memo) if memo else None


async def create_application(
    context: OnboardingContext, role: str, body: Mapping[str, Any], *, freed: bool = False
) -> Application:
    """The application of an onboarding (``role``: server or client), created if it is missing."""
    app = remembered(context.step)
    if app is None:
        app = await directory(context).create_application(
            unique_name(context.id, role), body, look=context.step.attempt > 1, freed=freed
        )
    await _need_ownership(context, app)
    return app


async def _need_ownership(context: OnboardingContext, app: Application) -> None:
    """Raises unless the service may change the application that it has created.

    The request to create it names the service as its owner, and the next calls depend on that. The error
    contains the application, so that the next attempt does not create it again.
    """
    found = directory(context)
    try:
        if await found.owns(app.object_id) is not False:
            return
        if _settling(context):
            raise cloud.REPLICATION_LAG.error(sign=phrases.SIGN_OWNER.of())
        if _WRITE_ALL in (await found.graph.granted() or ()):
            return
        raise steps.APP_NOT_OWNED.error(
            app=app.app_id, tenant=context.request.tenant, principal=await found.own_principal()
        )
    except OnboardingError as error:
        error.memo = _MEMO.dump(app)
        raise


async def create_principal(context: OnboardingContext, app_id: str) -> tuple[str, str]:
    """The service principal of an application, created if it is missing, and notes about it for people.

    The onboarding does not need to own it, but a removal does, to delete it permanently. So the service
    checks for a few minutes, and then continues.
    """
    step, found = context.step, directory(context)
    object_id = step.memo or await found.create_service_principal(app_id, look=step.attempt > 1)
    try:
        if await found.owns(object_id, principal=True) is not False:
            return object_id, ""
        if _settling(context):
            raise cloud.REPLICATION_LAG.error(sign=phrases.SIGN_OWNER.of())
    except OnboardingError as error:
        error.memo = object_id
        raise
    return object_id, _NOT_OWNED.format(object=object_id, owner=await found.own_principal())


async def complete(context: OnboardingContext, app: Application, changes: Mapping[str, Any]) -> None:
    """Sets what needs the client id. If that fails, the next attempt does only this."""
    try:
        await directory(context).update_application(app.object_id, changes)
    except OnboardingError as error:
        error.memo = _MEMO.dump(app)
        raise
