"""The service principals of the app registrations, to which the tenant grants permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onboarding.cloud.applications import Application
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.lifecycle import creation, existing, lost_claims
from onboarding.lifecycle.context import OnboardingContext, Services, unique_name
from onboarding.lifecycle.effects import EffectKind, note
from onboarding.lifecycle.steps.client_app import CLIENT_APP, ClientAppResult
from onboarding.lifecycle.steps.server_app import SERVER_APP, ServerAppResult
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done, Outcome
from onboarding.workflow.plan import Step
from onboarding.workflow.run import StepState


@dataclass(frozen=True, kw_only=True, slots=True)
class PrincipalResult:
    """The service principal."""

    object_id: str


def _step(
    role: str,
    app: Step[Services, OnboardingRequest, ServerAppResult]
    | Step[Services, OnboardingRequest, ClientAppResult],
) -> Step[Services, OnboardingRequest, PrincipalResult]:
    """The step for the app registration of a role: server or client."""

    async def run(context: OnboardingContext) -> Done[PrincipalResult]:
        app_id = app.result_of(context.run).app_id
        if not creation.creates(context.request, role):
            return Done(result=PrincipalResult(object_id=await existing.principal(context, app_id)))
        object_id, remark = await creation.create_principal(context, app_id)
        return Done(result=PrincipalResult(object_id=object_id), note=remark)

    def notes(request: OnboardingRequest, step: StepState) -> list[str]:
        created = creation.creates(request, role)
        return [note(EffectKind.PRINCIPAL, unique_name(step.run, role))] if created else []

    async def undo(context: OnboardingContext, outcome: Outcome[PrincipalResult]) -> None:
        """Removes a service principal that was created too late."""
        if creation.creates(context.request, role):
            known, recorded = app.result_of(context.run), made.found_in(context.run)
            owner = Application(object_id=known.object_id, app_id=known.app_id, created_at=None)
            await lost_claims.principal(context, outcome, owner, recorded.object_id if recorded else "")

    made: Step[Services, OnboardingRequest, PrincipalResult] = Step(
        name=f"{role}-principal",
        title=f"Create the {role} app's service principal",
        handler=run,
        result=Codec(PrincipalResult),
        after=(app.name,),
        notes=notes,
        undo=undo,
    )
    return made


SERVER_PRINCIPAL: Final = _step("server", SERVER_APP)
CLIENT_PRINCIPAL: Final = _step("client", CLIENT_APP)
