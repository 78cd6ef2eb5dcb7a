"""The web (server) app registration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onboarding.cloud.applications import created
from onboarding.cmg import identifiers, profiles
from onboarding.cmg.app_checks import scope
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.lifecycle import creation, existing, lost_claims
from onboarding.lifecycle.context import OnboardingContext, Services, notes_text, unique_name
from onboarding.lifecycle.effects import EffectKind, note
from onboarding.lifecycle.steps.preflight import PREFLIGHT
from onboarding.storage.codec import Codec
from onboarding.words.word import Word
from onboarding.workflow.outcomes import Done, Outcome
from onboarding.workflow.plan import Step
from onboarding.workflow.run import StepState


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerAppResult:
    """The application."""

    object_id: str
    app_id: str
    name: Word
    created_at: datetime | None  # None: the directory does not know it
    app_id_uri: str
    scope_id: str  # of user_impersonation


async def run(context: OnboardingContext) -> Done[ServerAppResult]:
    """Creates the application with its unique name, then sets the App ID URI, which may need its client ID.

    First it purges deleted applications of the service that reserve the URI, if the request permits it.
    """
    request = context.request
    wanted = request.server_app
    if wanted.existing:
        found = await existing.server_app(context, wanted.existing)
        return Done(
            result=ServerAppResult(
                object_id=found["id"],
                app_id=found["appId"],
                name=Word(found["displayName"]),
                created_at=created(found),
                app_id_uri=await existing.app_id_uri(context, wanted.existing, found),
                scope_id=str(scope(found)),
            )
        )
    body = profiles.server_application(
        request.profile,
        name=wanted.name,
        home_page_url=wanted.home_page_url,
        key=context.id,
        reads_directory=request.reads_directory,
        notes=notes_text(context),
    )
    if wanted.app_id_uri:
        body["identifierUris"] = [wanted.app_id_uri]
    purged = context.result(PREFLIGHT).purge
    for object_id in purged:
        await context.services.directory(request.tenant).purge(object_id)
    app = await creation.create_application(context, "server", body, freed=bool(purged))
    uri = wanted.app_id_uri or identifiers.default(request.tenant, app.app_id)
    if not wanted.app_id_uri:
        await creation.complete(context, app, {"identifierUris": [uri]})
    return Done(
        result=ServerAppResult(
            object_id=app.object_id,
            app_id=app.app_id,
            name=wanted.name,
            created_at=app.created_at,
            app_id_uri=uri,
            scope_id=profiles.scope_id(context.id),
        )
    )


def notes(request: OnboardingRequest, step: StepState) -> list[str]:
    """What an attempt can create."""
    created = creation.creates(request, "server")
    return [note(EffectKind.APPLICATION, unique_name(step.run, "server"))] if created else []


async def undo(context: OnboardingContext, outcome: Outcome[ServerAppResult]) -> None:
    """Removes an application that was created too late."""
    if creation.creates(context.request, "server"):
        recorded = SERVER_APP.found_in(context.run)
        made = creation.made_by(outcome)
        await lost_claims.application(context, "server", made, recorded.object_id if recorded else "")


SERVER_APP: Final[Step[Services, OnboardingRequest, ServerAppResult]] = Step(
    name="server-app",
    title="Create the web (server) app registration",
    handler=run,
    result=Codec(ServerAppResult),
    after=(PREFLIGHT.name,),
    notes=notes,
    undo=undo,
)
