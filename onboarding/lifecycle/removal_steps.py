"""Undoes an onboarding in reverse order: to cancel one, roll a failed one back, or off-board a connection.

What was made here goes, and goes for good, so that its names can be used again at once. Applications that
were imported or belong to another connection stay, as do resource providers, which others may use. It looks
for what is there instead of trusting what was noted, so it may be interrupted and repeated anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from onboarding.connections.records import Connection, ConnectionState, key_of
from onboarding.errors import PermanentError
from onboarding.lifecycle.context import Services, unique_name
from onboarding.lifecycle.credentials import vault_name
from onboarding.lifecycle.existing import discard
from onboarding.lifecycle.renewal_steps import RENEW
from onboarding.lifecycle.requests import Removal
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.consent import CONSENT
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.storage.codec import Codec
from onboarding.workflow import interventions
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Context, Plan, Step
from onboarding.workflow.run import Run, RunStatus, StepState

_LOOKS: Final = (0.2, 0.5, 1, 2, 5)  # seconds between looks
_LONGEST: Final = timedelta(hours=1)
_SETTLED: Final = timedelta(minutes=2)
"""After this long the directory shows what a step that was interrupted may have made."""
_PURGE_LOOKS: Final = 5
"""How often a deleted application is looked for that the directory does not show among the deleted ones."""

RemovalContext = Context[Services, Removal]
"""An attempt of a step of a removal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HaltResult:
    """The connection that is off-boarded, if there is one."""

    connection: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeApplication:
    """An application that the onboarding has made, in object ids."""

    object_id: str
    principal_id: str | None  # None: it has no service principal


@dataclass(frozen=True, kw_only=True, slots=True)
class InventoryResult:
    """What the onboarding has made in the directory."""

    client: MadeApplication | None
    server: MadeApplication | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RevokeResult:
    """How many grants were taken back."""

    revoked: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoveResult:
    """Whether there was something to remove."""

    removed: bool


async def halt(context: RemovalContext) -> Done[HaltResult] | Wait:
    """Stops the onboarding and any renewal, and waits, without holding a worker, until no step runs."""
    services, removal, actor = context.services, context.request, context.run.head.actor
    stop_as, run = removal.stop_as, await _onboarding(context)
    if not stop_as and run and services.onboardings.status(run) is not RunStatus.SUCCEEDED:
        stop_as = RunStatus.ROLLED_BACK  # the step that wrote its connection has not ended well
    if stop_as:
        run = await interventions.stop(services.onboardings, removal.onboarding, stop_as, actor)
        if run and not interventions.at_rest(run):
            return _wait(context, "the step that is under way comes to its end")
    connection = await _connection(context)
    if connection is None:
        return Done(result=HaltResult(connection=None))
    connection = await services.connections.change(connection.id, _to(ConnectionState.REMOVING)) or connection
    try:  # only now: whoever begins to share it from here on sees that it goes
        await services.connections.need_unshared(connection)
    except PermanentError:
        await services.connections.change(connection.id, _to(ConnectionState.ACTIVE))
        raise
    if connection.renewal:
        run = await interventions.stop(services.operations, connection.renewal, RunStatus.CANCELLED, actor)
        if run and not interventions.at_rest(run):
            return _wait(context, "the renewal of the secret comes to its end")
        await interventions.finish(services.operations, connection.renewal)
    return Done(result=HaltResult(connection=connection.id))


async def inventory(context: RemovalContext) -> Done[InventoryResult] | Wait:
    """Finds the object ids of what the onboarding has made, before anything is deleted."""
    removal, run = context.request, await _onboarding(context)
    directory = context.services.directory(removal.tenant)
    found: dict[str, MadeApplication] = {}
    for role, app, made in (
        ("client", removal.request.client_app, CLIENT_APP.found_in(run)),
        ("server", removal.request.server_app, SERVER_APP.found_in(run)),
    ):
        if app.existing:
            continue
        object_id, app_id = (made.object_id, made.app_id) if made else ("", "")
        if not object_id:
            step = run.steps.get(f"{role}-app") if run else None
            shown = await directory.find_application(unique_name(removal.onboarding, role))
            if shown:
                object_id, app_id = shown.object_id, shown.app_id
            elif step and _may_still_appear(context, step):
                return _wait(context, "the directory shows what an interrupted step may have made")
        if object_id:
            principal = await directory.find_service_principal(app_id)
            found[role] = MadeApplication(object_id=object_id, principal_id=principal)
    return Done(result=InventoryResult(client=found.get("client"), server=found.get("server")))


async def revoke(context: RemovalContext) -> Done[RevokeResult]:
    """Takes back what the onboarding granted to imported apps; what it made itself goes with its grants."""
    request = context.request.request
    directory = context.services.directory(request.tenant)
    consent = CONSENT.found_in(await _onboarding(context))
    imports = request.server_app.existing or request.client_app.existing
    added = consent.added if consent and imports else ()
    for grant in added:
        if grant.scope:
            await directory.revoke_scope(grant.client, grant.resource, grant.scope)
        else:
            await directory.revoke_role(grant.client, grant.resource, grant.role)
    return Done(result=RevokeResult(revoked=len(added)))


async def delete_client_app(context: RemovalContext) -> Done[RemoveResult] | Wait:
    """Deletes the client app."""
    return await _delete(context, context.result(INVENTORY).client)


async def delete_server_app(context: RemovalContext) -> Done[RemoveResult] | Wait:
    """Deletes the server app."""
    return await _delete(context, context.result(INVENTORY).server)


async def _delete(context: RemovalContext, found: MadeApplication | None) -> Done[RemoveResult] | Wait:
    """Deletes an application with its service principal and secrets, and then purges both."""
    if found is None:
        return Done(result=RemoveResult(removed=False))
    directory = context.services.directory(context.request.tenant)
    await directory.delete_application(found.object_id)
    if not await directory.purge(found.object_id) and context.step.tries < _PURGE_LOOKS:
        # Not shown yet, or purged by an attempt whose answer was lost.
        return _wait(context, "the directory shows the deleted application")
    if found.principal_id:
        await directory.purge(found.principal_id)
    return Done(result=RemoveResult(removed=True))


async def delete_secret(context: RemovalContext) -> Done[RemoveResult]:
    """Deletes what the onboarding and its renewals have put into Key Vault."""
    services, removal = context.services, context.request
    existing = removal.request.server_app.existing
    if existing is None:
        await services.clouds.vault.remove(vault_name(removal.onboarding))
        return Done(result=RemoveResult(removed=True))
    names = {existing.vault_secret} if existing.vault_secret else set()
    if connection := await _connection(context):
        names |= {secret.vault_name for secret in (connection.secret, connection.pending) if secret}
        if renewal := await services.operations.store.load(connection.renewal):
            names |= {RENEW.request_of(renewal.head).vault_secret or ""} - {""}
    removed = [name for name in sorted(names) if await discard(services, name, removal.onboarding)]
    return Done(result=RemoveResult(removed=bool(removed)))


async def forget(context: RemovalContext) -> Done[None]:
    """Removes the connection, whose warnings are dropped then, and says that what was stopped is undone."""
    services = context.services
    if connection := await _connection(context):
        await services.warning_schedule.forget(connection.id)
        await services.connections.remove(connection)
    await interventions.finish(services.onboardings, context.request.onboarding)
    return Done(result=None)


async def _connection(context: RemovalContext) -> Connection | None:
    """The connection of the onboarding, if it came so far; another one of the same name is none of ours."""
    removal = context.request
    found = await context.services.connections.get(f"{removal.tenant}.{key_of(removal.name)}")
    return found if found and found.onboarding == removal.onboarding else None


async def _onboarding(context: RemovalContext) -> Run | None:
    return await context.services.onboardings.store.load(context.request.onboarding)


def _to(state: ConnectionState) -> Callable[[Connection], Connection | None]:
    """The change to a state; none where a connection is in it already."""
    return lambda found: None if found.state is state else found.evolve(state=state)


def _may_still_appear(context: RemovalContext, step: StepState) -> bool:
    """Whether a step was begun so recently that the directory may hide what it has made."""
    since = context.services.clock.now() - _SETTLED
    return step.attempt > 0 and step.changed_at is not None and step.changed_at > since


def _wait(context: RemovalContext, reason: str) -> Wait:
    pause = _LOOKS[min(context.step.tries, len(_LOOKS) - 1)]
    return Wait(reason=reason, after=timedelta(seconds=pause), give_up_after=_LONGEST)


HALT: Final = Step(name="halt", title="Stop what is under way", handler=halt, result=Codec(HaltResult))
INVENTORY: Final = Step(
    name="inventory",
    title="Find what the onboarding has made",
    handler=inventory,
    result=Codec(InventoryResult),
    after=(HALT.name,),
)
REVOKE: Final = Step(
    name="consent",
    title="Take back what was granted to imported apps",
    handler=revoke,
    result=Codec(RevokeResult),
    after=(INVENTORY.name,),
)
DELETE_CLIENT: Final = Step(
    name="client-app",
    title="Delete the native (client) app for good",
    handler=delete_client_app,
    result=Codec(RemoveResult),
    after=(REVOKE.name,),
)
DELETE_SERVER: Final = Step(
    name="server-app",
    title="Delete the web (server) app for good",
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
    title="Forget the service connection and its expiry",
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
"""Undoes an onboarding, in reverse order. Imported apps and resource providers stay."""
