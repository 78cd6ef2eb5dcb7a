"""The native (client) app registration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onboarding.cmg import profiles
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.lifecycle import creation, existing, lost_claims
from onboarding.lifecycle.context import OnboardingContext, Services, notes_text, unique_name
from onboarding.lifecycle.effects import EffectKind, note
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.storage.codec import Codec
from onboarding.words.word import Word
from onboarding.workflow.outcomes import Done, Outcome
from onboarding.workflow.plan import Step
from onboarding.workflow.run import StepState


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientAppResult:
    """The application."""

    object_id: str
    app_id: str
    name: Word


async def run(context: OnboardingContext) -> Done[ClientAppResult]:
    """Creates the application with its unique name, then sets the redirect URI, which needs its client ID."""
    request, server = context.request, context.result(SERVER_APP)
    wanted = request.need_client_app()
    if wanted.existing:
        found = await existing.client_app(context, str(wanted.existing.client_id), server.app_id)
        return Done(
            result=ClientAppResult(
                object_id=found["id"], app_id=found["appId"], name=Word(found["displayName"])
            )
        )
    body = profiles.client_application(
        request.profile,
        name=wanted.name,
        server_app=server.app_id,
        server_scope=server.scope_id,
        user_discovery=request.user_discovery.enabled,
        notes=notes_text(context),
    )
    app = await creation.create_application(context, "client", body)
    redirect = {"publicClient": {"redirectUris": [profiles.client_redirect(app.app_id)]}}
    await creation.complete(context, app, redirect)
    return Done(result=ClientAppResult(object_id=app.object_id, app_id=app.app_id, name=wanted.name))


def notes(request: OnboardingRequest, step: StepState) -> list[str]:
    """What an attempt can create."""
    created = creation.creates(request, "client")
    return [note(EffectKind.APPLICATION, unique_name(step.run, "client"))] if created else []


async def undo(context: OnboardingContext, outcome: Outcome[ClientAppResult]) -> None:
    """Removes an application that was created too late."""
    if creation.creates(context.request, "client"):
        recorded = CLIENT_APP.found_in(context.run)
        made = creation.made_by(outcome)
        await lost_claims.application(context, "client", made, recorded.object_id if recorded else "")


CLIENT_APP: Final[Step[Services, OnboardingRequest, ClientAppResult]] = Step(
    name="client-app",
    title="Create the native (client) app registration",
    handler=run,
    result=Codec(ClientAppResult),
    after=(SERVER_APP.name,),
    notes=notes,
    undo=undo,
)
