"""The client secret of the server app: created for a new app, checked for an existing app."""

from __future__ import annotations

from typing import Final

from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import SecretRecord
from onboarding.lifecycle import creation, existing, lost_claims
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.credentials import CreatedSecret, secret_name, vault_name
from onboarding.lifecycle.effects import EffectKind, note
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done, Outcome
from onboarding.workflow.plan import Step
from onboarding.workflow.run import StepState


async def run(context: OnboardingContext) -> Done[SecretRecord]:
    """Ensures that the app has exactly one secret of this onboarding: the one in the vault.

    An existing application keeps its secrets; the secret of the request is checked.
    """
    app, wanted = context.result(SERVER_APP), context.request.server_app
    if wanted.existing:
        secret = await existing.server_secret(
            context, wanted.existing, object_id=app.object_id, app_id=app.app_id
        )
        return Done(result=secret)
    return Done(result=await _credential(context).ensure(context.step.attempt))


def notes(request: OnboardingRequest, step: StepState) -> list[str]:
    """What an attempt can create."""
    if request.server_app.existing:
        return []
    name = secret_name(step.run, "", step.attempt)
    return [note(EffectKind.CLIENT_SECRET, name), note(EffectKind.VAULT_SECRET, vault_name(step.run))]


async def undo(context: OnboardingContext, outcome: Outcome[SecretRecord]) -> None:
    """Removes a secret that no other worker uses."""
    if context.request.server_app.existing is None:
        made = outcome.result if isinstance(outcome, Done) else None
        await lost_claims.secret(context, _credential(context), made, SERVER_SECRET.found_in)


def _credential(context: OnboardingContext) -> CreatedSecret:
    services, request, app = context.services, context.request, context.result(SERVER_APP)
    return CreatedSecret(
        directory=creation.directory(context),
        vault=services.clouds.vault,
        tenant=request.tenant,
        onboarding=context.id,
        object_id=app.object_id,
        app_id=app.app_id,
        ends_at=request.server_app.secret_end(context.accepted_at).replace(microsecond=0),
        now=services.clock.now(),
        held=context.need_claim,
    )


SERVER_SECRET: Final[Step[Services, OnboardingRequest, SecretRecord]] = Step(
    name="server-secret",
    title="Create a client secret and store it in Key Vault",
    handler=run,
    result=Codec(SecretRecord),
    after=(SERVER_APP.name,),
    notes=notes,
    undo=undo,
)
