"""The native (client) app registration."""

from __future__ import annotations

from onboarding.cmg import profiles
from onboarding.lifecycle import existing
from onboarding.lifecycle.context import Context
from onboarding.workflow.outcomes import Done


async def run(context: Context) -> Done:
    """Upserts the application by its unique name, then sets the redirect URI, which needs its client id."""
    wanted = context.request.client_app
    if wanted.existing:
        return Done(result=await existing.client_app(context, str(wanted.existing.client_id)))
    body = profiles.client_application(
        context.request.profile,
        name=wanted.name,
        server_app=context.results["server-app"]["appId"],
        server_scope=context.results["server-app"]["scopeId"],
        user_discovery=context.request.user_discovery.enabled,
        notes=context.notes,
    )
    app = await context.directory.upsert_application(context.unique_name("client"), body)
    redirect = {"publicClient": {"redirectUris": [profiles.client_redirect(app.app_id)]}}
    await context.directory.update_application(app.object_id, redirect)
    return Done(result={"objectId": app.object_id, "appId": app.app_id, "name": wanted.name})
