"""Undoes an onboarding in reverse order: to cancel one, roll a failed one back, or off-board a connection.

What the service created is permanently deleted, so that its names can be used again at once. Applications
that were imported or belong to another connection are kept, and so are resource providers, which others may
use. The steps look for what exists instead of trusting stored results, so they can be interrupted and
repeated at any point. A tenant that refuses the service does not stop a removal: what exists only in the
tenant is left behind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from onboarding.cloud.directory import Directory
from onboarding.connections.app_users import Grant
from onboarding.errors import OnboardingError, PermanentError
from onboarding.lifecycle import (
    creation,
    effects,
    left_behind,
    ownership,
    provided_secrets,
    registrations,
    run_copies,
)
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.lifecycle.context import unique_name
from onboarding.lifecycle.credentials import vault_name
from onboarding.lifecycle.deletion import MadeApplication, RemovalContext, RemoveResult, delete
from onboarding.lifecycle.left_behind import LeftBehind
from onboarding.lifecycle.record_removal import remove_record
from onboarding.lifecycle.removal_halt import HALT, connection_of, onboarding_of, wait
from onboarding.lifecycle.requests import Removal
from onboarding.lifecycle.revocation import Revocation
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.consent import CONSENT, Noted
from onboarding.lifecycle.steps.principal import CLIENT_PRINCIPAL, SERVER_PRINCIPAL
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.storage.codec import Codec
from onboarding.texts import phrases
from onboarding.workflow import interventions
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Plan, Step
from onboarding.workflow.run import Run, StepState

_SETTLED: Final = timedelta(minutes=2)
"""After this time, the directory shows what an interrupted step may have created."""
_PRINCIPALS: Final = {"client": CLIENT_PRINCIPAL, "server": SERVER_PRINCIPAL}


@dataclass(frozen=True, kw_only=True, slots=True)
class InventoryResult:
    """What the onboarding created in the directory."""

    client: MadeApplication | None
    server: MadeApplication | None
    left: tuple[LeftBehind, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RevokeResult:
    """How many grants were revoked."""

    revoked: int
    left: tuple[LeftBehind, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierGrants:
    """What earlier attempts have revoked.

    The directory no longer shows it, which looks as if it did not show it yet.
    """

    grants: tuple[Grant, ...]


_REVOKED: Final = Codec(EarlierGrants)


async def inventory(context: RemovalContext) -> Done[InventoryResult] | Wait:
    """Finds the object IDs of what the onboarding created, before anything is deleted."""
    tenant = context.request.tenant
    try:
        return await _inventory(context, context.services.directory(tenant), None)
    except PermanentError as error:
        if not left_behind.refused(context.services, tenant, error):
            raise
        return await _inventory(context, None, error)


async def _inventory(
    context: RemovalContext, directory: Directory | None, refusal: OnboardingError | None
) -> Done[InventoryResult] | Wait:
    """The same, but from the records of the onboarding if the directory refuses the service."""
    removal, run = context.request, await onboarding_of(context)
    found: dict[str, MadeApplication] = {}
    left = await registrations.left(context.services, removal.request, run)
    for role, app, made in (
        ("client", removal.request.client_app, CLIENT_APP.found_in(run)),
        ("server", removal.request.server_app, SERVER_APP.found_in(run)),
    ):
        if app is None or app.existing:
            continue
        step = run.steps.get(f"{role}-app") if run else None
        created = made or creation.remembered(step)
        object_id, app_id = (created.object_id, created.app_id) if created else ("", "")
        if not object_id and directory:
            named = await directory.named(unique_name(removal.onboarding, role))
            if named and named.ours:
                object_id, app_id = named.application.object_id, named.application.app_id
            elif (named is None or named.ours is None) and step and _may_still_appear(context, step):
                return wait(context, phrases.WAITS_DIRECTORY, WaitingCode.DIRECTORY)
            elif named:
                left.append(left_behind.not_ours(f"{role}App", named.application.app_id))
        elif not object_id and refusal and step and step.attempt:
            name = unique_name(removal.onboarding, role)
            left.append(left_behind.by_tenant(f"{role}App", name, removal.tenant, refusal))
        if object_id:
            principal = await directory.find_service_principal(app_id) if directory else None
            principal = principal or _recorded_principal(run, role)  # including one that somebody has deleted
            found[role] = MadeApplication(object_id=object_id, principal_id=principal)
    result = InventoryResult(client=found.get("client"), server=found.get("server"), left=tuple(left))
    return Done(result=result, note=left_behind.note(left))


async def revoke(context: RemovalContext) -> Done[RevokeResult] | Wait:
    """Revokes what the onboarding granted to imported apps. Other apps are deleted with their grants.

    If the directory does not show a new grant yet, the service looks for it again.
    """
    request, services = context.request.request, context.services
    run, onboarding = await onboarding_of(context), context.request.onboarding
    consent, server, client = CONSENT.found_in(run), SERVER_APP.found_in(run), CLIENT_APP.found_in(run)
    imports = any(app and app.existing for app in (request.server_app, request.client_app))
    granted = {
        *(consent.added if consent else _granted_by_the_way(run)),
        *await ownership.granted(services, request, onboarding),
    }
    if not granted or server is None or not imports:
        return Done(result=RevokeResult(revoked=0))
    revocation = Revocation(
        services=services,
        tenant=request.tenant,
        onboarding=onboarding,
        server=server.app_id,
        client=client.app_id if client else "",
    )
    before = _REVOKED.load(context.step.memo).grants if context.step.memo else ()
    revoked = await revocation.revoke(
        grant for grant in granted if grant not in before and (grant.role or client)
    )
    step, grants = run.steps.get(CONSENT.name) if run else None, (*before, *revoked.grants)
    if revoked.unseen and step and _may_still_appear(context, step):
        later = wait(context, phrases.WAITS_DIRECTORY, WaitingCode.DIRECTORY)
        return replace(later, memo=_REVOKED.dump(EarlierGrants(grants=grants)))
    result = RevokeResult(revoked=len(grants) + len(revoked.unseen), left=revoked.left)
    return Done(result=result, note=left_behind.note(result.left))


def _recorded_principal(run: Run | None, role: str) -> str | None:
    """The object ID of the service principal that an onboarding created, even in a step that did not end."""
    step = _PRINCIPALS[role]
    if result := step.found_in(run):
        return result.object_id
    state = run.steps.get(step.name) if run else None
    return (state.memo or None) if state else None


def _granted_by_the_way(run: Run | None) -> tuple[Grant, ...]:
    """What a step that did not end may have granted. It noted beforehand that these grants did not exist."""
    noted = Noted.of(run.steps.get(CONSENT.name) if run else None)
    return noted.grants if noted else ()


async def delete_client_app(context: RemovalContext) -> Done[RemoveResult] | Wait:
    """Deletes the client app."""
    return await delete(context, "clientApp", context.result(INVENTORY).client)


async def delete_server_app(context: RemovalContext) -> Done[RemoveResult] | Wait:
    """Deletes the server app."""
    return await delete(context, "serverApp", context.result(INVENTORY).server)


async def delete_secret(context: RemovalContext) -> Done[RemoveResult]:
    """Deletes what the onboarding and its renewals stored in Key Vault."""
    services, removal = context.services, context.request
    await services.clouds.vault.remove(run_copies.name_of(removal.onboarding))
    existing = removal.request.server_app.existing
    if existing is None:
        made = effects.noted(await onboarding_of(context), effects.EffectKind.VAULT_SECRET)
        copy = run_copies.name_of(removal.onboarding)
        for name in sorted({vault_name(removal.onboarding), *made} - {copy}):
            await services.clouds.vault.remove(name)
        return Done(result=RemoveResult(removed=True))
    names = set(await provided_secrets.names(services, removal.onboarding))
    if connection := await connection_of(context):  # it may record one that came with another onboarding
        names |= {secret.vault_name for secret in (connection.secret, connection.pending) if secret}
    removed = [
        name
        for name in sorted(names)
        if await provided_secrets.discard(services, name, removal.onboarding, leaving=True)
    ]
    return Done(result=RemoveResult(removed=bool(removed)))


async def forget(context: RemovalContext) -> Done[None]:
    """Removes the connection with its warnings, and records that the stopped run is undone."""
    services = context.services
    if connection := await connection_of(context):
        if context.request.connection:
            others, now = await services.connections.others(connection), services.clock.now()
            await services.reminders.connection_removed(
                connection, others=others, operation=context.id, at=now
            )
        await remove_record(services, connection)
    copy = run_copies.name_of(context.request.onboarding)
    if await services.clouds.vault.stored(copy):  # a late worker has stored it again
        await services.clouds.vault.remove(copy)
    await ownership.leave(services, context.request.request, context.request.onboarding)
    await interventions.finish(services.onboardings, context.request.onboarding)
    return Done(result=None)


def _may_still_appear(context: RemovalContext, step: StepState) -> bool:
    """Whether a step started so recently that the directory may not show yet what it created."""
    since = context.services.clock.now() - _SETTLED
    return step.attempt > 0 and step.changed_at is not None and step.changed_at > since


INVENTORY: Final = Step(
    name="inventory",
    title="Find what the onboarding created",
    handler=inventory,
    result=Codec(InventoryResult),
    after=(HALT.name,),
)
REVOKE: Final = Step(
    name="consent",
    title="Revoke the permissions that were granted to imported apps",
    handler=revoke,
    result=Codec(RevokeResult),
    after=(INVENTORY.name,),
)
DELETE_CLIENT: Final = Step(
    name="client-app",
    title="Permanently delete the native (client) app",
    handler=delete_client_app,
    result=Codec(RemoveResult),
    after=(REVOKE.name,),
)
DELETE_SERVER: Final = Step(
    name="server-app",
    title="Permanently delete the web (server) app",
    handler=delete_server_app,
    result=Codec(RemoveResult),
    after=(DELETE_CLIENT.name,),
)
DELETE_SECRET: Final = Step(
    name="server-secret",
    title="Delete the client secret from Key Vault",
    handler=delete_secret,
    result=Codec(RemoveResult),
    after=(DELETE_SERVER.name,),
)
FORGET: Final = Step(
    name="connection",
    title="Delete the connection and its warnings",
    handler=forget,
    after=(DELETE_SECRET.name,),
)

REMOVE: Final = Plan(
    "removal",
    Codec(Removal),
    HALT,
    INVENTORY,
    REVOKE,
    DELETE_CLIENT,
    DELETE_SERVER,
    DELETE_SECRET,
    FORGET,
)
"""Undoes an onboarding, in reverse order. Imported apps and resource providers are kept."""
