"""The client secret of the server app: made new for a new app, checked for one that is there already."""

from __future__ import annotations

from onboarding.lifecycle import existing
from onboarding.lifecycle.context import Context
from onboarding.lifecycle.credentials import Credential
from onboarding.workflow.outcomes import Done


async def run(context: Context) -> Done:
    """Leaves exactly one secret of this onboarding on the app: the one in the vault.

    An application that was there already keeps its secrets; the one that was given is checked.
    """
    wanted, app = context.request.server_app, context.results["server-app"]
    if wanted.existing:
        return Done(result=await existing.server_secret(context, wanted.existing))
    credential = Credential(
        directory=context.directory,
        vault=context.services.clouds.vault,
        tenant=context.tenant,
        onboarding=context.onboarding,
        object_id=app["objectId"],
        app_id=app["appId"],
        ends_at=wanted.secret_end(context.accepted_at).replace(microsecond=0),
        now=context.services.clock.now(),
    )
    return Done(result=await credential.ensure(context.attempt))
