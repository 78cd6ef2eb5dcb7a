"""The service principals of the app registrations, to which the tenant grants permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onboarding.cmg.app_fields import ClientApp, ServerApp
from onboarding.lifecycle import existing
from onboarding.lifecycle.context import OnboardingContext
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done
from onboarding.workflow.plan import Step

_ENTERPRISE_APPLICATION: Final = "WindowsAzureActiveDirectoryIntegratedApp"
"""The tag that the portal gives to a service principal. Without it, the portal's list of enterprise
applications does not show it (https://learn.microsoft.com/graph/api/resources/serviceprincipal)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrincipalResult:
    """The service principal."""

    object_id: str


async def run_server(context: OnboardingContext) -> Done[PrincipalResult]:
    """Upserts the service principal of the server app."""
    return await _upsert(context, context.result(SERVER_APP).app_id, context.request.server_app)


async def run_client(context: OnboardingContext) -> Done[PrincipalResult]:
    """Upserts the service principal of the client app."""
    return await _upsert(context, context.result(CLIENT_APP).app_id, context.request.need_client_app())


async def _upsert(
    context: OnboardingContext, app_id: str, wanted: ServerApp | ClientApp
) -> Done[PrincipalResult]:
    if wanted.existing:
        return Done(result=PrincipalResult(object_id=await existing.principal(context, app_id)))
    directory = context.services.directory(context.request.tenant)
    object_id = await directory.upsert_service_principal(
        app_id, {"displayName": wanted.name, "tags": [_ENTERPRISE_APPLICATION]}
    )
    return Done(result=PrincipalResult(object_id=object_id))


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
