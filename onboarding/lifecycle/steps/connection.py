"""The connection: the record of what was created, and the first warnings of its expirations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.handover import Handover
from onboarding.connections.records import AppRecord, Connection, key_of
from onboarding.errors import OnboardingError, prerequisites, steps
from onboarding.lifecycle import ownership, run_copies
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.effects import EffectKind, note
from onboarding.lifecycle.existing import keep_up
from onboarding.lifecycle.findings import REGISTERED
from onboarding.lifecycle.record_removal import remove_record
from onboarding.lifecycle.requests import REQUESTER
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.consent import CONSENT
from onboarding.lifecycle.steps.preflight import PREFLIGHT
from onboarding.lifecycle.steps.principal import CLIENT_PRINCIPAL, SERVER_PRINCIPAL
from onboarding.lifecycle.steps.provider import register
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.lifecycle.steps.server_secret import SERVER_SECRET
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done
from onboarding.workflow.plan import Step
from onboarding.workflow.run import StepState


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionResult:
    """The connection."""

    id: str


async def run(context: OnboardingContext) -> Done[ConnectionResult]:
    """Writes the connection, then schedules its first warnings.

    The order matters: the sweep drops a warning if its connection does not exist.
    """
    services = context.services
    connection = connection_of(context)
    for pointer, app in ownership.imported(context.request).items():
        await ownership.need_own(context, app, pointer)
    existing = await services.connections.get(connection.id)
    if existing and existing.onboarding != context.id:
        raise _exists(context, existing)
    copied = await run_copies.keep(context)  # first: a record without its copy was off-boarded
    wanted = connection.evolve(copied=copied)
    kept = await services.connections.add(wanted)
    if kept.onboarding != context.id:
        raise _exists(context, kept)
    if kept is wanted:
        await _need_wanted(context, kept)
    await services.warning_schedule.schedule(kept, services.clock.now())
    await keep_up(context, kept)
    return Done(result=ConnectionResult(id=connection.id))


def notes(request: OnboardingRequest, step: StepState) -> list[str]:
    """What an attempt can create."""
    copy, record = run_copies.name_of(step.run), f"{request.tenant}.{key_of(request.name)}"
    return [note(EffectKind.VAULT_SECRET, copy), note(EffectKind.CONNECTION, record)]


async def _need_wanted(context: OnboardingContext, added: Connection) -> None:
    """Removes a connection that was added too late: its onboarding was stopped, or it is off-boarded already.

    Raises ``TransientError`` then, which nobody records.
    """
    fresh = await context.lost()
    if fresh and (fresh.head.stop_as or CONNECTION.is_done(fresh)):
        found = await context.services.connections.get(added.id)
        if found and found.onboarding == added.onboarding:
            await remove_record(context.services, found)
        await context.services.clouds.vault.remove(run_copies.name_of(context.id))
        raise steps.CLAIM_LOST.error()


def _exists(context: OnboardingContext, other: Connection) -> OnboardingError:
    which = f"({other.id})" if ownership.may_see(context.run.head, other.requester) else ""
    return prerequisites.CONNECTION_EXISTS.error(name=context.request.name, which=which)


def connection_of(context: OnboardingContext) -> Connection:
    """The record of what an onboarding has created."""
    request, now = context.request, context.services.clock.now()
    server, client = context.result(SERVER_APP), CLIENT_APP.found_in(context.run)
    return Connection(
        tenant=request.tenant,
        tenant_name=context.result(PREFLIGHT).tenant_name,
        tenant_domain=context.result(PREFLIGHT).tenant_domain,
        name=request.name,
        description=request.description,
        environment=str(request.azure_environment),
        subscription=str(request.subscription_id) if request.subscription_id else None,
        profile=request.profile.name,
        app_id_uri=server.app_id_uri,
        server_app=AppRecord(
            name=server.name,
            app_id=server.app_id,
            object_id=server.object_id,
            service_principal_id=context.result(SERVER_PRINCIPAL).object_id,
            created_at=server.created_at,
        ),
        client_app=AppRecord(
            name=client.name,
            app_id=client.app_id,
            object_id=client.object_id,
            service_principal_id=context.result(CLIENT_PRINCIPAL).object_id,
        )
        if client
        else None,
        secret=context.result(SERVER_SECRET),
        request=request,
        onboarding=context.id,
        requester=context.run.head.lists[REQUESTER],
        requester_name=context.run.head.actor,
        on_behalf_of=context.run.head.on_behalf_of,
        created_at=now,
        handover=Handover(since=now),
        pending_providers=_pending(context),
    )


def _pending(context: OnboardingContext) -> tuple[str, ...]:
    """The resource providers that Azure has not registered yet."""
    results = [register(namespace).found_in(context.run) for namespace in context.request.providers]
    return tuple(result.namespace for result in results if result and result.state != REGISTERED)


CONNECTION: Final[Step[Services, OnboardingRequest, ConnectionResult]] = Step(
    name="connection",
    title="Record the connection and schedule its warnings",
    handler=run,
    result=Codec(ConnectionResult),
    notes=notes,
    after=(SERVER_SECRET.name, CONSENT.name),
)
