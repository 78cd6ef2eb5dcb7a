"""The service principals of the app registrations, to which the tenant grants permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onboarding.lifecycle import creation, existing
from onboarding.lifecycle.context import OnboardingContext
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done
from onboarding.workflow.plan import Step


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


SERVER_PRINCIPAL: Final = Step(
    name="server-principal",
    title="Create the server app's service principal",
    handler=run_server,
    result=Codec(PrincipalResult),
    after=(SERVER_APP.name,),
)

CLIENT_PRINCIPAL: Final = Step(
    name="client-principal",
    title="Create the client app's service principal",
    handler=run_client,
    result=Codec(PrincipalResult),
    after=(CLIENT_APP.name,),
)
