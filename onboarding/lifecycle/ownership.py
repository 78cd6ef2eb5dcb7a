"""To whom an application belongs.

An application belongs to the requester whose onboarding created it or imported it first. The service's
permissions are far above those of a requester, and any member of a directory can read client ids. So a
requester's onboarding cannot use an application of somebody else, because it would change that person's
connection. Operators can, and the application still belongs to the same requester.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.app_users import AppUser, Grant
from onboarding.connections.records import Connection, ConnectionState
from onboarding.errors import existing_apps, requests
from onboarding.lifecycle import app_uses
from onboarding.lifecycle.app_uses import ENDED
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.requests import OPERATOR, REQUESTER
from onboarding.texts import reasons
from onboarding.workflow.run import Head, Run

_UNIQUE_NAME: Final = re.compile(r"cmg-(?P<onboarding>[0-9a-f-]{36})-(server|client)")
"""As ``unique_name`` makes them."""

SECRET_PREFIX: Final = "import-"  # noqa: S105 - not a secret
"""How the names of secrets that people provide begin."""

User = Connection | Run
"""Who uses an application: a connection, or an onboarding in progress."""


def operates(head: Head) -> bool:
    """Whether an operator requested a run."""
    return head.authority == OPERATOR


def may_see(head: Head, requester: str) -> bool:
    """Whether the caller who requested a run may see the resources of a requester."""
    return operates(head) or head.lists.get(REQUESTER) == requester


def maker(application: Mapping[str, Any]) -> str:
    """The onboarding of this service that created an application; empty if none did."""
    found = _UNIQUE_NAME.fullmatch(str(application.get("uniqueName") or ""))
    return found["onboarding"] if found else ""


def imported(request: OnboardingRequest) -> dict[str, str]:
    """The client ids of the applications that a request imports, by their pointers in it."""
    server = request.server_app.existing
    client = request.client_app.existing if request.client_app else None
    found = {}
    if server and server.client_id:
        found["/serverApp/existing"] = str(server.client_id)
    if client:
        found["/clientApp/existing"] = str(client.client_id)
    return found


async def enter(services: Services, request: OnboardingRequest, onboarding: str, requester: str) -> None:
    """Records that an onboarding uses the applications that it imports; safe to repeat.

    It does so before it is accepted, so that the order in which onboardings are accepted decides.
    """
    user = AppUser(onboarding=onboarding, requester=requester)
    for app in imported(request).values():
        await services.app_users.enter(request.tenant, app, user)


async def granted(services: Services, request: OnboardingRequest, onboarding: str) -> set[Grant]:
    """What an onboarding noted that it grants to the applications that it imports."""
    users = [
        user
        for app in imported(request).values()
        for user in await services.app_users.of(request.tenant, app)
        if user.onboarding == onboarding
    ]
    return {grant for user in users for grant in user.grants}


async def hand_on(
    services: Services, tenant: str, app: str, onboarding: str, grants: Iterable[Grant]
) -> None:
    """Lets another user of an application revoke what a removed onboarding granted."""
    for user in await services.app_users.of(tenant, app):
        if user.onboarding != onboarding:
            await services.app_users.enter(tenant, app, replace(user, grants=tuple(grants)))
            return


async def leave(services: Services, request: OnboardingRequest, onboarding: str) -> None:
    """Records that an onboarding no longer uses the applications that it imports; safe to repeat.

    Operators whose onboardings still use them leave them to the same requester.
    """
    tenant = request.tenant
    for app in imported(request).values():
        uses = await app_uses.uses(services, tenant, app)
        owner = uses[0].owner if uses else ""
        for use in uses:
            if use.operates and use.onboarding != onboarding and use.owner != owner:
                await services.app_users.leave_to(tenant, app, use.onboarding, owner)
        await services.app_users.leave(tenant, app, onboarding)


async def need_own(context: OnboardingContext, app: str, pointer: str, *, made_by: str = "") -> None:
    """Raises ``PermanentError`` if an imported application belongs to another requester, or is being removed.

    ``made_by`` as for ``owner_of``.

    It is called whenever an onboarding is about to use the application: what was true before may have changed
    while the onboarding waited.
    """
    head, tenant = context.run.head, context.request.tenant
    await need_kept(context.services, tenant, app, pointer)
    if operates(head):
        return
    owner = await owner_of(context.services, tenant, app, made_by)
    if owner is not None and not may_see(head, owner):
        finding = existing_apps.APP_IN_USE.finding(pointer, app=app)
        raise existing_apps.APP_IN_USE.error(app=app, findings=(finding,))


async def owner_of(services: Services, tenant: str, app: str, made_by: str) -> str | None:
    """The requester to whom an application (its client ID) belongs; None: to nobody; empty: unknown.

    ``made_by`` is the onboarding that created it, if its unique name shows one (``maker``).

    An application that the service created belongs to the requester of that onboarding, and another one to
    the requester who uses it first (``app_uses``). Others can change the unique names in the tenant, so the
    records of this deployment count before them.
    """
    for connection in await services.connections.of_app(tenant, app):
        if not connection.imports_app(app):
            return connection.requester
    if made_by:
        return await requester_of(services, made_by)
    uses = await app_uses.uses(services, tenant, app)
    return uses[0].owner if uses else None


async def requester_of(services: Services, onboarding: str) -> str:
    """The requester of an onboarding; empty if this deployment has no such onboarding."""
    run = await services.onboardings.load(onboarding)
    return run.head.lists.get(REQUESTER, "") if run else ""


REQUESTED_BY: Final = "requestedBy"
"""The tag of a secret that a person stored in the vault: the object ID of the requester who may use it."""


async def may_use_secret(
    services: Services,
    head: Head,
    name: str,
    tags: Mapping[str, str],
    *,
    tenant: str,
    app: str,
    onboarding: str,
) -> bool:
    """Whether a run may use a secret in the vault. An operator's run may use each.

    The service stored it, for this requester and for this application; or a person did, who may write to the
    vault and named the requester in a tag. Whoever guesses the name of another secret may not use it.

    Args:
        services: What all steps share.
        head: The run, in the list of the requester to whom its connection belongs.
        name: Of the secret.
        tags: Of the secret.
        tenant: The application's tenant.
        app: Its client ID.
        onboarding: To which the run belongs.
    """
    if operates(head):
        return True
    wanted = {"tenantId": tenant, "appId": app}
    if any(tags.get(tag, value).casefold() != value.casefold() for tag, value in wanted.items()):
        return False
    if any(name.startswith(f"{SECRET_PREFIX}{run}-") for run in (head.id, onboarding)):
        return True  # somebody may have changed the tags
    if made_by := tags.get("onboarding"):
        return made_by == onboarding or may_see(head, await requester_of(services, made_by))
    owner = head.lists.get(REQUESTER, "")
    return bool(owner) and tags.get(REQUESTED_BY, "").casefold() == owner.casefold()


async def makers(services: Services, apps: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The requesters whose onboardings created applications, by object ID.

    A name in the format of this service is not proof: another deployment, or a person, can have assigned it.
    So applications of onboardings that this deployment does not know are omitted.
    """
    found = {}
    for app in apps:
        made_by = maker(app)
        if made_by and (run := await services.onboardings.load(made_by)):
            found[str(app["id"])] = run.head.lists.get(REQUESTER, "")
    return found


async def others(services: Services, tenant: str, app: str, onboarding: str) -> list[Connection | Run]:
    """The connections, and the onboardings in progress, that use an application besides an onboarding."""
    connections = await services.connections.of_app(tenant, app)
    found: list[Connection | Run] = [user for user in connections if user.onboarding != onboarding]
    known = {user.onboarding for user in connections} | {onboarding}
    for user in await services.app_users.of(tenant, app):
        run = await services.onboardings.load(user.onboarding)
        if user.onboarding not in known and run and services.onboardings.status(run) not in ENDED:
            found.append(run)
    return found


async def need_unused(services: Services, connection: Connection) -> None:
    """Raises ``PermanentError`` if an onboarding in progress imports an app that a removal deletes."""
    created = [
        app
        for app, imports in (
            (connection.server_app, connection.imports_server_app),
            (connection.client_app, connection.imports_client_app),
        )
        if app and not imports
    ]
    for app in created:
        users = await others(services, connection.tenant, app.app_id, connection.onboarding)
        if runs := [user.head for user in users if isinstance(user, Run)]:
            known = [head.id for head in runs if head.lists.get(REQUESTER) == connection.requester]
            named = [reasons.AN_ONBOARDING.of(id=identifier) for identifier in known]
            hidden = len(runs) - len(known)
            named += [reasons.ONBOARDINGS_OF_OTHERS.of(count=hidden)] if hidden else []
            raise requests.SERVER_APP_SHARED.error(connections=named)


async def need_kept(services: Services, tenant: str, app: str, pointer: str) -> None:
    """Raises ``PermanentError`` if an application that an onboarding imports is being removed."""
    for connection in await services.connections.of_app(tenant, app):
        if connection.state is ConnectionState.REMOVING and not connection.imports_app(app):
            finding = existing_apps.APP_REMOVING.finding(pointer, app=app)
            raise existing_apps.APP_REMOVING.error(app=app, findings=(finding,))
