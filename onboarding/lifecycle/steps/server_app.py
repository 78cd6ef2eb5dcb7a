"""The web (server) app registration."""

from __future__ import annotations

from onboarding.cmg import identifiers, profiles
from onboarding.lifecycle import existing
from onboarding.lifecycle.context import Context
from onboarding.workflow.outcomes import Done


async def run(context: Context) -> Done:
    """Upserts the application by its unique name, then sets the App ID URI, which may need its client id.

    Before that a deleted application of this service gives the URI free, where the request permits it.
    """
    wanted = context.request.server_app
    if wanted.existing:
        return Done(result=await existing.server_app(context, wanted.existing))
    body = profiles.server_application(
        context.request.profile,
        name=wanted.name,
        home_page_url=wanted.home_page_url,
        key=context.onboarding,
        user_discovery=context.request.user_discovery.enabled,
        notes=context.notes,
    )
    if wanted.app_id_uri:
        body["identifierUris"] = [wanted.app_id_uri]
    purged = context.results["preflight"].get("purge", ())
    for each in purged:
        await context.directory.purge(each)
    app = await context.directory.upsert_application(context.unique_name("server"), body, freed=bool(purged))
    uri = wanted.app_id_uri or identifiers.default(context.tenant, app.app_id)
    if not wanted.app_id_uri:
        await context.directory.update_application(app.object_id, {"identifierUris": [uri]})
    return Done(
        result={
            "objectId": app.object_id,
            "appId": app.app_id,
            "name": wanted.name,
            "createdAt": app.created_at.isoformat(),
            "appIdUri": uri,
            "scopeId": profiles.scope_id(context.onboarding),
        }
    )
