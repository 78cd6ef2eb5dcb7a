"""Admin consent: what the two apps may do, granted for all users of the tenant."""

from __future__ import annotations

import asyncio

from onboarding.cmg.permissions import DIRECTORY_READ_ALL, MICROSOFT_GRAPH, USER_READ
from onboarding.cmg.profiles import USER_IMPERSONATION, client_permissions
from onboarding.lifecycle.context import Context
from onboarding.workflow.outcomes import Done


async def run(context: Context) -> Done:
    """Grants the client app the server app's scope and User.Read; the server app the directory, if asked."""
    directory = context.directory
    server = context.results["server-principal"]["objectId"]
    client = context.results["client-principal"]["objectId"]
    user_discovery = context.request.user_discovery.enabled
    granted = [USER_READ.value]
    if client_permissions(context.request.profile, user_discovery=user_discovery):
        granted.append(USER_IMPERSONATION)
        graph, _ = await asyncio.gather(
            directory.resource(MICROSOFT_GRAPH),
            directory.grant_scope(client, server, USER_IMPERSONATION),
        )
    else:
        graph = await directory.resource(MICROSOFT_GRAPH)
    await directory.grant_scope(client, graph, USER_READ.value)
    if user_discovery:
        await directory.grant_role(server, graph, DIRECTORY_READ_ALL.id)
        granted.append(DIRECTORY_READ_ALL.value)
    return Done(result={"granted": granted})
