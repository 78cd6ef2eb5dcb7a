"""The service principals of the app registrations, to which the tenant grants permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onboarding.cloud.applications import Application
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.lifecycle import creation, existing, lost_claims
from onboarding.lifecycle.context import OnboardingContext, Services, unique_name
from onboarding.lifecycle.effects import EffectKind, note
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done, Outcome
from onboarding.workflow.plan import Step
from onboarding.workflow.run import StepState


@dataclass(frozen=True, kw_only=True, slots=True)
class PrincipalResult:
    """The service principal."""

    object_id: str


async def run_server(context: OnboardingContext) -> Done[PrincipalResult]:
    """Creates the service principal of the server app."""
    app_id = context.result(SERVER_APP).app_id
    return await _create(context, app_id, exists=context.request.server_app.existing is not None)


async def run_client(context: OnboardingContext) -> Done[PrincipalResult]:
    """Creates the service principal of the client app."""
    app_id = context.result(CLIENT_APP).app_id
    return await _create(context, app_id, exists=context.request.need_client_app().existing is not None)


async def _create(context: OnboardingContext, app_id: str, *, exists: bool) -> Done[PrincipalResult]:
    if exists:
        return Done(result=PrincipalResult(object_id=await existing.principal(context, app_id)))
    object_id, note = await creation.create_principal(context, app_id)
    return Done(result=PrincipalResult(object_id=object_id), note=note)


def notes_server(request: OnboardingRequest, step: StepState) -> list[str]:
    """What an attempt can create."""
    created = request.server_app.existing is None
    return [note(EffectKind.PRINCIPAL, unique_name(step.run, "server"))] if created else []


def notes_client(request: OnboardingRequest, step: StepState) -> list[str]:
    """What an attempt can create."""
    created = request.need_client_app().existing is None
    return [note(EffectKind.PRINCIPAL, unique_name(step.run, "client"))] if created else []


async def undo_server(context: OnboardingContext, outcome: Outcome[PrincipalResult]) -> None:
    """Removes a service principal that was created too late."""
    if context.request.server_app.existing is None:
        app, recorded = context.result(SERVER_APP), SERVER_PRINCIPAL.found_in(context.run)
        made = Application(object_id=app.object_id, app_id=app.app_id, created_at=None)
        await lost_claims.principal(context, outcome, made, recorded.object_id if recorded else "")


async def undo_client(context: OnboardingContext, outcome: Outcome[PrincipalResult]) -> None:
    """Removes a service principal that was created too late."""
    if context.request.need_client_app().existing is None:
        app, recorded = context.result(CLIENT_APP), CLIENT_PRINCIPAL.found_in(context.run)
        made = Application(object_id=app.object_id, app_id=app.app_id, created_at=None)
        await lost_claims.principal(context, outcome, made, recorded.object_id if recorded else "")


SERVER_PRINCIPAL: Final[Step[Services, OnboardingRequest, PrincipalResult]] = Step(
    name="server-principal",
    title="Create the server app's service principal",
    handler=run_server,
    result=Codec(PrincipalResult),
    after=(SERVER_APP.name,),
    notes=notes_server,
    undo=undo_server,
)

CLIENT_PRINCIPAL: Final[Step[Services, OnboardingRequest, PrincipalResult]] = Step(
    name="client-principal",
    title="Create the client app's service principal",
    handler=run_client,
    result=Codec(PrincipalResult),
    after=(CLIENT_APP.name,),
    notes=notes_client,
    undo=undo_client,
)
