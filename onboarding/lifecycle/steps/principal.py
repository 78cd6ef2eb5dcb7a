"""The service principal of an app registration: what the tenant grants permissions to."""

from __future__ import annotations

from onboarding.lifecycle import existing
from onboarding.lifecycle.context import Context
from onboarding.workflow.outcomes import Done


async def run(context: Context, app_step: str) -> Done:
    """Upserts the service principal of the application that a step before has made."""
    app_id = context.results[app_step]["appId"]
    request = context.request
    wanted = request.server_app if app_step == "server-app" else request.client_app
    if wanted.existing:
        return Done(result={"objectId": await existing.principal(context, app_id)})
    object_id = await context.directory.upsert_service_principal(app_id, {"displayName": wanted.name})
    return Done(result={"objectId": object_id})
