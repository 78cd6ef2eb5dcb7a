"""Renews a client secret with an overlap: the new one beside the old one, until the site has the new one.

Configuration Manager takes a new secret only from a person at its console. So the renewal waits for a
confirmation, and only then retires the old secret. The vault's current version works at every moment, and so
does what the site has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from onboarding.cmg import versions
from onboarding.cmg.app_fields import SecretValidity
from onboarding.connections.records import Connection, ConnectionState, SecretRecord
from onboarding.errors import requests, steps
from onboarding.lifecycle import existing
from onboarding.lifecycle.context import Operation
from onboarding.lifecycle.credentials import Credential
from onboarding.lifecycle.findings import secret_policy
from onboarding.lifecycle.plans import CONFIRMED
from onboarding.workflow.outcomes import Done, Wait

_LONGEST_LOOK: Final = timedelta(hours=6)
_REMINDERS: Final = timedelta(days=7)


async def check(operation: Operation) -> Done:
    """Refuses, with the reason, what the tenant or Configuration Manager would refuse later."""
    connection = await _connection(operation)
    await operation.services.connections.change(
        connection.id, lambda found: found.evolve(renewal=operation.head.id)
    )
    request = connection.request
    app = await operation.directory.application(connection.server_app.app_id)
    now = operation.services.clock.now()
    created = datetime.fromisoformat(str(app["createdDateTime"])).astimezone(UTC)
    until = versions.renewable_until(created, request.config_mgr_version)
    if until and until <= now:
        raise steps.APPLICATION_TOO_OLD.error(
            name=app["displayName"],
            created=created,
            version=versions.FIRST_WITH_AGE_LIMIT,
            days=versions.OLDEST_RENEWABLE.days,
        )
    ends_at = _end(operation)
    if not connection.imports_server_app:
        survey = await operation.directory.survey([connection.server_app.name], None)
        found = secret_policy(survey.policy, ends_at, operation.head.created_at)
        if refusals := tuple(replace(each, pointer="") for each in found):  # the request is another one
            raise steps.SECRET_REFUSED.error(
                details=" ".join(finding.detail for finding in refusals),
                remedies=" ".join(finding.remedy for finding in refusals),
                findings=refusals,
            )
    return Done(result={"objectId": app["id"]})


async def make(operation: Operation) -> Done:
    """Leaves two secrets of ours at most: the one that the site has, and a new one, current in the vault.

    An imported application is never changed: its new secret was made by hand and is only checked.
    """
    connection = await _connection(operation)
    services = operation.services
    object_id = operation.results["check"]["objectId"]
    if connection.imports_server_app:
        made: Mapping[str, str] = await existing.checked_secret(
            services, operation.directory, object_id, str(operation.head.request["vaultSecret"])
        )
        _need_another(connection, made)
    else:
        credential = _credential(operation, connection, object_id)
        made = await credential.ensure(operation.step.attempt, keep=frozenset({connection.secret.key_id}))
    made = {**made, "replaces": connection.secret.vault_name}
    pending = SecretRecord(
        key_id=made["keyId"], vault_id=made["vaultId"], ends_at=datetime.fromisoformat(made["endsAt"])
    )
    for each in await services.connections.of_server_app(connection.tenant, connection.server_app.app_id):
        if each.secret.key_id == connection.secret.key_id:
            await services.connections.change(
                each.id, lambda found: found.evolve(pending=pending, renewal=operation.head.id)
            )
    return Done(result=made)


async def wait(operation: Operation) -> Done | Wait:
    """Waits until somebody says that the site has the new secret, or the time limit passes; reminds."""
    if operation.step.signal == CONFIRMED:
        return Done(result={"by": "confirmation"})
    connection = await _connection(operation)
    now, since = operation.services.clock.now(), operation.step.started_at or operation.head.created_at
    days = operation.head.request["timeLimitDays"]
    limit = since + timedelta(days=days) if days else None
    if limit and limit <= now:
        return Done(result={"by": "time limit"})
    number = (now - since) // _REMINDERS
    due = since + number * _REMINDERS
    await operation.services.reminders.renewal_waits(connection, number=number, at=due, limit=limit)
    until = due + _REMINDERS
    look = min(until, limit) if limit else until
    return Wait(
        reason="somebody enters the new secret at the site, and confirms it",
        after=min(max(look - now, timedelta(seconds=1)), _LONGEST_LOOK),
        give_up_after=timedelta(days=1000),  # the old secret ends long before
    )


async def retire(operation: Operation) -> Done:
    """Makes the new secret the connection's, and removes the old one where that is ours.

    Of an imported application that is what was handed over to Key Vault. The new one is looked for first: the
    last secret that works is never removed.
    """
    services, made = operation.services, operation.results["secret"]
    connection = await _connection(operation)
    if datetime.fromisoformat(made["endsAt"]) <= services.clock.now():
        raise steps.SECRET_EXPIRED.error(ended=datetime.fromisoformat(made["endsAt"]))
    for each in await services.connections.of_server_app(connection.tenant, connection.server_app.app_id):
        changed = await services.connections.change(each.id, lambda found: _renewed(found, made["keyId"]))
        if changed:
            await services.warning_schedule.schedule(changed, services.clock.now())
    in_use = await _connection(operation)  # not only the new one, where a later renewal is under way
    if connection.imports_server_app:
        replaced = made["replaces"]
        gone = replaced != in_use.secret.vault_name and await existing.discard(
            services, replaced, connection.onboarding
        )
        return Done(result={"removed": gone})
    credential = _credential(operation, connection, operation.results["check"]["objectId"])
    keep = frozenset(each.key_id for each in (in_use.secret, in_use.pending) if each)
    await credential.remove_others(keep, shown=made["keyId"])
    return Done(result={"removed": True})


def _renewed(connection: Connection, key_id: str) -> Connection | None:
    """The connection with its pending secret as its secret; None when it has it already."""
    if connection.pending is None or connection.pending.key_id != key_id:
        return None
    return connection.evolve(secret=connection.pending, pending=None, renewal="")


def _credential(operation: Operation, connection: Connection, object_id: str) -> Credential:
    return Credential(
        directory=operation.directory,
        vault=operation.services.clouds.vault,
        tenant=connection.tenant,
        onboarding=connection.onboarding,
        label=f"{operation.head.id[:8]}-",
        object_id=object_id,
        app_id=connection.server_app.app_id,
        ends_at=_end(operation),
        now=operation.services.clock.now(),
    )


def _end(operation: Operation) -> datetime:
    """When the new secret ends."""
    wanted = operation.head.request
    if wanted["secretEndDate"]:
        return datetime.fromisoformat(wanted["secretEndDate"]).astimezone(UTC).replace(microsecond=0)
    return SecretValidity(wanted["secretValidity"]).after(operation.head.created_at).replace(microsecond=0)


async def _connection(operation: Operation) -> Connection:
    """The connection whose secret is renewed."""
    found = await operation.services.connections.get(operation.head.request["connection"])
    if found is None or found.state is not ConnectionState.ACTIVE:
        raise requests.CONNECTION_NOT_FOUND.error(connection=operation.head.request["connection"])
    return found


def _need_another(connection: Connection, made: Mapping[str, str]) -> None:
    if made["keyId"] == connection.secret.key_id:
        raise steps.SECRET_NOT_NEW.error()
