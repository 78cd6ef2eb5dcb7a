"""Renews a client secret with an overlap: both secrets are valid until the site has the new one.

Only a person at the Configuration Manager console can enter a new secret. So the renewal waits for a
confirmation, and only then removes the old secret. The current version in the vault and the secret that the
site has are valid at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from onboarding.connections.records import Connection, SecretRecord
from onboarding.errors import cloud, steps
from onboarding.lifecycle import lost_claims, provided_secrets, renewal_mark
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.credentials import CreatedSecret, secret_name, vault_name
from onboarding.lifecycle.effects import EffectKind, note
from onboarding.lifecycle.patience import CODEC as PATIENCE
from onboarding.lifecycle.patience import Patience, awaited
from onboarding.lifecycle.renewal_check import CHECK
from onboarding.lifecycle.renewal_mark import RenewalContext
from onboarding.lifecycle.requests import Renewal
from onboarding.notices import actions
from onboarding.notices.renewal_reminders import Reminder
from onboarding.storage.codec import Codec
from onboarding.texts import phrases
from onboarding.workflow.outcomes import Done, Outcome, Wait
from onboarding.workflow.plan import Plan, Step
from onboarding.workflow.run import StepState

CONFIRMED: Final = "confirmed"
"""The signal to the step ``confirmation`` that the site has the new secret."""

TIME_LIMIT: Final = "time limit"
"""The result of the wait if nobody confirms."""

_LONGEST_LOOK: Final = timedelta(hours=6)
_REMINDERS: Final = timedelta(days=7)
_SETTLING: Final = timedelta(minutes=10)
"""How long the directory may not list a secret that exists."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewSecret:
    """The new client secret, and the name in Key Vault of the one that it replaces."""

    secret: SecretRecord
    replaces: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AwaitedConfirmation:
    """What ended the wait for the site: ``confirmation``, or ``TIME_LIMIT``."""

    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Retirement:
    """Whether the old secret is removed."""

    removed: bool


async def make(context: RenewalContext) -> Done[NewSecret]:
    """Ensures that a new secret is current in the vault, besides the one that the site has.

    An imported application is never changed: a person created its new secret, which is only checked.
    """
    services, request = context.services, context.request
    connection, object_id = await renewal_mark.held(context), context.result(CHECK).object_id
    if connection.imports_server_app:
        secret = await provided_secrets.checked(
            services,
            context.run.head,
            onboarding=connection.onboarding,
            tenant=connection.tenant,
            object_id=object_id,
            app_id=connection.server_app.app_id,
            name=str(request.vault_secret),
        )
        _need_another(connection, secret)
    else:
        credential = _credential(context, connection, object_id)
        secret = await credential.ensure(context.step.attempt, keep=frozenset({connection.secret.key_id}))
    waiting = {"pending": secret, "renewal": context.id}
    await renewal_mark.change_all(context, connection, lambda found: _with(found, **waiting))
    return Done(result=NewSecret(secret=secret, replaces=connection.secret.vault_name))


def notes(renewal: Renewal, step: StepState) -> list[str]:
    """What an attempt to create a new secret can create."""
    if renewal.vault_secret or not renewal.onboarding:
        return []
    name = secret_name(renewal.onboarding, step.run, step.attempt)
    return [
        note(EffectKind.CLIENT_SECRET, name),
        note(EffectKind.VAULT_SECRET, vault_name(renewal.onboarding)),
    ]


async def undo_make(context: RenewalContext, outcome: Outcome[NewSecret]) -> None:
    """Removes a secret that no other worker uses."""
    connection = await lost_claims.connection_of(context)
    if connection and not connection.imports_server_app:
        credential = _credential(context, connection, context.result(CHECK).object_id)
        await lost_claims.secret(
            context, credential, outcome.result.secret if isinstance(outcome, Done) else None
        )


async def wait(context: RenewalContext) -> Done[AwaitedConfirmation] | Wait:
    """Waits for the confirmation that the site has the new secret, or for the time limit. Sends reminders."""
    if context.step.signal == CONFIRMED:
        return Done(result=AwaitedConfirmation(by="confirmation"))
    connection = await renewal_mark.held(context)
    now, since = context.services.clock.now(), context.step.started_at or context.accepted_at
    reminders, days = context.services.reminders, context.request.time_limit_days
    patience = Patience.of(context.step.memo, since, days, now) if days else None
    if patience and patience.last_reminder_is_due(now):
        patience = replace(patience, reminded=True)
        await reminders.renewal_waits(connection, Reminder(at=now, limit=patience.limit, last=True))
    elif patience and patience.reminded:
        last = Reminder(at=now, limit=patience.limit, last=True)
        delivered_at = await reminders.delivered_at(connection, last)
        if delivered_at and patience.is_over(now, delivered_at):
            note = (
                f"Nobody confirmed until {patience.limit:%Y-%m-%d %H:%M} UTC (time limit). "
                f"The last reminder was delivered on {delivered_at:%Y-%m-%d}."
            )
            return Done(result=AwaitedConfirmation(by=TIME_LIMIT), note=note)
    number = (now - since) // _REMINDERS
    due = since + number * _REMINDERS
    limit = patience.limit if patience else None
    await reminders.renewal_waits(connection, Reminder(at=due, number=number, limit=limit))
    look = min([due + _REMINDERS, *([limit] if limit and limit > now else [])])
    return Wait(
        reason=awaited(since, days, patience),
        code=WaitingCode.SITE_CONFIRMATION,
        actions=(actions.get_script(connection), actions.confirm(connection)),
        after=min(max(look - now, timedelta(seconds=1)), _LONGEST_LOOK),
        give_up_after=timedelta(days=1000),  # the old secret expires long before that
        memo=PATIENCE.dump(patience) if patience else "",
    )


async def retire(context: RenewalContext) -> Done[Retirement]:
    """Records the new secret in the connection, and removes the old one if the service created it.

    For an imported application, the old secret is removed from Key Vault only. First the directory must list
    the new secret, and login must accept it: otherwise the connection keeps the old one.
    """
    services, made, now = context.services, context.result(SECRET), context.services.clock.now()
    if await renewal_mark.is_released(context, made.secret.key_id):
        return Done(result=Retirement(removed=True))
    connection = await renewal_mark.held(context)
    await _need_usable(context, connection, made.secret)
    confirmed = context.result(CONFIRMATION).by != TIME_LIMIT

    def renewed(found: Connection) -> Connection | None:
        changed = _renewed(found, made.secret)
        return changed.connected(now) if changed and confirmed and found.id == connection.id else changed

    await renewal_mark.change_all(context, connection, renewed)
    for sharing in await services.connections.sharing(connection):
        await services.warning_schedule.schedule(sharing, now)
    removed = True
    if connection.imports_server_app:
        removed = made.replaces != made.secret.vault_name and await provided_secrets.discard(
            services, made.replaces, connection.onboarding
        )
    else:
        credential = _credential(context, connection, context.result(CHECK).object_id)
        await credential.remove_others(frozenset({made.secret.key_id}), shown=made.secret.key_id)
    await _announce(context)
    await renewal_mark.release(context, connection)  # last: off-boarding waits while it exists
    return Done(result=Retirement(removed=removed))


async def _announce(context: RenewalContext) -> None:
    """Announces that the old secret was removed, and why. Each renewal announces it once."""
    connection = await renewal_mark.held(context)
    await context.services.reminders.secret_replaced(
        connection,
        sharing=await context.services.connections.sharing(connection),
        renewal=context.id,
        at=context.services.clock.now(),
        by_time=context.result(CONFIRMATION).by == TIME_LIMIT,
    )


async def _need_usable(context: RenewalContext, connection: Connection, secret: SecretRecord) -> None:
    """Raises unless the new secret can be used: the directory lists it, and login accepts it.

    If the directory does not list a secret after some time, somebody has deleted it. Nothing then waits for
    it any longer, and the next renewal creates another one.
    """
    services, now = context.services, context.services.clock.now()
    if secret.ends_at <= now:
        raise steps.SECRET_EXPIRED.error(ended=secret.ends_at)
    listed = await services.directory(connection.tenant).passwords(context.result(CHECK).object_id)
    if not any(password.key_id == secret.key_id for password in listed):
        since = context.step.since if context.step.error else None
        if since is None or now - since < _SETTLING:
            raise cloud.REPLICATION_LAG.error(sign=phrases.SIGN_NEW_SECRET.of())
        await renewal_mark.change_all(context, connection, lambda found: _without(found, secret))
        raise steps.NEW_SECRET_MISSING.error()
    await provided_secrets.prove(
        services, tenant=connection.tenant, app=connection.server_app.app_id, secret=secret
    )


def _without(connection: Connection, pending: SecretRecord) -> Connection | None:
    """The connection without this pending secret; None if it has another one."""
    return connection.evolve(pending=None) if connection.pending == pending else None


def _with(connection: Connection, **values: Any) -> Connection | None:
    """The connection with these values; None if it has them."""
    changed = connection.evolve(**values)
    return None if changed == connection else changed


def _renewed(connection: Connection, secret: SecretRecord) -> Connection | None:
    """The connection with its new secret; None if this has already happened."""
    if connection.secret.key_id == secret.key_id and connection.pending is None:
        return None
    replaced = connection.secret.key_id
    return connection.evolve(secret=secret, replaced_key=replaced, pending=None, lost=None)


def _credential(context: RenewalContext, connection: Connection, object_id: str) -> CreatedSecret:
    return CreatedSecret(
        directory=context.services.directory(context.request.tenant),
        vault=context.services.clouds.vault,
        tenant=connection.tenant,
        onboarding=connection.onboarding,
        renewal=context.id,
        object_id=object_id,
        app_id=connection.server_app.app_id,
        ends_at=context.request.ends_at(context.accepted_at),
        now=context.services.clock.now(),
        held=partial(_need_mark, context),
    )


async def _need_mark(context: RenewalContext) -> None:
    """Raises unless this worker has its claim, and the connection names this renewal."""
    await context.need_claim()
    await renewal_mark.held(context)


def _need_another(connection: Connection, secret: SecretRecord) -> None:
    if secret.key_id == connection.secret.key_id:
        raise steps.SECRET_NOT_NEW.error()


SECRET: Final[Step[Services, Renewal, NewSecret]] = Step(
    name="secret",
    title="Create a new client secret in addition to the old one",
    handler=make,
    result=Codec(NewSecret),
    notes=notes,
    undo=undo_make,
    after=(CHECK.name,),
)
CONFIRMATION: Final = Step(
    name="confirmation",
    title="Wait for the confirmation that the site has the new secret",
    handler=wait,
    result=Codec(AwaitedConfirmation),
    after=(SECRET.name,),
)
RETIREMENT: Final = Step(
    name="retirement",
    title="Remove the old client secret",
    handler=retire,
    result=Codec(Retirement),
    after=(CONFIRMATION.name,),
)

RENEW: Final = Plan("renewal", Codec(Renewal), CHECK, SECRET, CONFIRMATION, RETIREMENT)
"""Replaces a client secret without an interruption."""
