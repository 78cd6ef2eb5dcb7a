"""Compares the records of a tenant with what exists outside storage, and corrects the records.

It changes nothing in the tenant or in the vault. Each correction is safe to repeat, and is an event in the
audit trail of its onboarding.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Container, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from onboarding.cloud.applications import passwords_of
from onboarding.cmg.renewal_request import RenewalRequest
from onboarding.connections.records import Connection, SecretRecord
from onboarding.errors import ErrorType, Finding, recovery, requests
from onboarding.lifecycle import automatic_renewals, ownership, run_copies
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.credentials import vault_name
from onboarding.lifecycle.record_removal import remove_record
from onboarding.lifecycle.renewal_steps import CONFIRMATION, CONFIRMED
from onboarding.lifecycle.requests import Renewal
from onboarding.recovery.decisions import Decision, Seen, decide
from onboarding.recovery.outside import Applications, VaultSecrets
from onboarding.recovery.restored_onboardings import RestoredOnboarding
from onboarding.texts import reasons
from onboarding.texts.phrases import Said
from onboarding.words.word import EMPTY, Word
from onboarding.workflow import interventions
from onboarding.workflow.run import Author, Event, RunStatus

log = logging.getLogger(__name__)

_KINDS: Final[Mapping[Decision, ErrorType]] = {
    Decision.REMOVE: recovery.CONNECTION_REMOVED,
    Decision.TAKE_SECRET: recovery.SECRET_TAKEN_UP,
    Decision.TAKE_PENDING: recovery.SECRET_TAKEN_UP,
    Decision.RENEW: recovery.RENEWAL_TAKEN_UP,
    Decision.MISSING_APPLICATION: recovery.APPLICATION_MISSING,
    Decision.OUTDATED_VAULT: recovery.VAULT_SECRET_OUTDATED,
}
_TAKEN: Final = frozenset({Decision.TAKE_SECRET, Decision.TAKE_PENDING})
_REMOVED: Final = recovery.CONNECTION_REMOVED.code
_OPEN: Final = frozenset(RunStatus) - {RunStatus.SUCCEEDED}


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A difference between a record and what exists, which is corrected or reported."""

    finding: Finding
    onboarding: str
    connection: str = ""  # its ID, if it has or had a record
    name: Word = EMPTY


class TenantReconciliation:
    """The reconciliation of one tenant."""

    def __init__(
        self,
        services: Services,
        tenant: str,
        secrets: VaultSecrets,
        *,
        author: Author,
        dry_run: bool,
        storage_is_older: bool,
        time_limit_days: int,
    ) -> None:
        """``secrets`` are those of all tenants; ``dry_run``: change nothing."""
        self._services = services
        self._tenant = tenant
        self._secrets = secrets
        self._author = author
        self._dry_run = dry_run
        self._storage_is_older = storage_is_older
        self._time_limit_days = time_limit_days
        self._now = services.clock.now()

    async def run(self) -> list[Found]:
        """Finds what differs, and corrects it if that is certain. Raises this app's errors."""
        recorded = await self._services.connections.of_tenant(self._tenant)
        missing = set(self._secrets.copies(self._tenant)) - {connection.onboarding for connection in recorded}
        applications = await Applications.of(self._services.directory(self._tenant))
        found: list[Found] = []
        for connection in recorded:  # first: what no longer exists no longer has its name
            found += await self._safely(connection.onboarding, self._correct(connection, applications))
        for onboarding in sorted(missing):
            removed = {item.connection for item in found if item.finding.code == _REMOVED}
            found += await self._safely(onboarding, self._take_up(onboarding, applications, removed))
        known = {connection.onboarding for connection in recorded} | {item.onboarding for item in found}
        return [*found, *[item async for item in self._unknown(applications, known)]]

    async def _safely(self, onboarding: str, work: Coroutine[Any, Any, list[Found]]) -> list[Found]:
        """What was found about one onboarding. A failure is reported, and does not stop the others."""
        try:
            return await work
        except Exception:
            log.exception("the onboarding %s could not be reconciled", onboarding)
            error = requests.INTERNAL_ERROR.error()
            finding = recovery.NOT_RECONCILED.finding(
                onboarding=onboarding, reason=error.as_finding().said("detail")
            )
            return [Found(finding=finding, onboarding=onboarding)]

    async def _correct(self, connection: Connection, applications: Applications) -> list[Found]:
        """Compares a record, and corrects it if that is certain."""
        seen = Seen(
            application=applications.get(connection.server_app.app_id),
            current=self._secrets.current(connection.onboarding),
            has_copy=self._secrets.has_copy(connection.onboarding),
            has_provided=self._secrets.has_provided(connection.onboarding),
        )
        decision = decide(connection, seen, storage_is_older=self._storage_is_older)
        if decision is None:
            return []
        secret = await self._current(connection, seen.application) if decision in _TAKEN else None
        values: dict[str, Any] = {"ends_at": secret.ends_at} if secret else {}
        found = _found(_KINDS[decision], connection, **values)
        if not self._dry_run:
            await self._apply(decision, connection, secret)
            await self._record(found)
        return [found]

    async def _apply(self, decision: Decision, connection: Connection, secret: SecretRecord | None) -> None:
        if decision is Decision.REMOVE:
            await self._remove(connection)
        elif decision is Decision.RENEW:
            await self._renew(connection)
        elif secret:
            await self._take_secret(connection, secret, confirmed=decision is Decision.TAKE_PENDING)

    async def _remove(self, connection: Connection) -> None:
        """Removes the record of a connection that was off-boarded."""
        services = self._services
        await remove_record(services, connection)
        await ownership.leave(services, connection.request, connection.onboarding)

    async def _take_secret(self, connection: Connection, secret: SecretRecord, *, confirmed: bool) -> None:
        """Records the secret that works, in all connections that share it, and ends the recorded renewal."""
        services = self._services
        ended = confirmed and await self._confirm(connection)
        if not ended and connection.renewal:
            await self._stop(connection.renewal)

        def taken(found: Connection) -> Connection | None:
            if found.secret.key_id == secret.key_id:
                return None
            renewal = found.renewal if ended else ""
            replaced = found.secret.key_id
            return found.evolve(
                secret=secret, replaced_key=replaced, pending=None, renewal=renewal, lost=None
            )

        for sharing in await services.connections.sharing(connection):
            if changed := await services.connections.change(sharing.id, taken):
                await services.warning_schedule.schedule(changed, self._now)

    async def _confirm(self, connection: Connection) -> bool:
        """Lets the recorded renewal end as it did in reality; False if that is not possible."""
        runs = self._services.operations
        try:
            run = await interventions.signal(
                runs, connection.renewal, CONFIRMATION.name, CONFIRMED, self._author
            )
        except interventions.NotPossibleError:
            return False
        return run is not None

    async def _stop(self, renewal: str) -> None:
        """Stops a recorded renewal that another one has replaced."""
        runs = self._services.operations
        run = await interventions.stop(runs, renewal, RunStatus.CANCELLED, self._author, only=_OPEN)
        if run and run.head.stop_as and interventions.at_rest(run):
            await interventions.finish(runs, renewal)

    async def _renew(self, connection: Connection) -> None:
        """Starts a renewal that has no record. It adopts the existing secret."""
        runs = self._services.operations
        known = await runs.load(connection.renewal) if connection.renewal else None
        if known and not runs.status(known).final:
            return  # it adopts the secret itself
        renewal = Renewal.of(connection, RenewalRequest(), time_limit_days=self._time_limit_days)
        previous = known.head.id if known else ""
        await runs.start(automatic_renewals.head(connection, renewal, now=self._now, previous=previous))

    async def _take_up(
        self, onboarding: str, applications: Applications, removed: Container[str]
    ) -> list[Found]:
        """Restores the record of an onboarding from its copy, and then compares it like the others."""
        services = self._services
        copy = await run_copies.read(services.clouds.vault, onboarding)
        if copy is None:
            return []
        try:
            restored = RestoredOnboarding(services, copy)
        except Exception:
            log.exception("the copy of the onboarding %s in the vault cannot be used", onboarding)
            return []  # it is reported as unknown
        connection = restored.connection
        made = not connection.imports_server_app and not connection.shares
        if made and applications.get(connection.server_app.app_id) is None:
            return [_found(recovery.APPLICATION_MISSING, connection)]
        other = await services.connections.get(connection.id)
        taken = _found(recovery.CONNECTION_NAME_TAKEN, connection, onboarding=onboarding)
        if other and other.id not in removed:
            return [taken]
        found = _found(recovery.CONNECTION_TAKEN_UP, connection)
        if not self._dry_run:
            if not await restored.restore(self._now):
                return [taken]
            await self._record(found)
        return [found, *await self._correct(connection, applications)]

    async def _unknown(self, applications: Applications, known: Container[str]) -> AsyncIterator[Found]:
        """What onboardings without a record and a copy created."""
        things: dict[str, list[Said]] = {}
        for app, onboarding in applications.made():
            things.setdefault(onboarding, []).append(reasons.AN_APP.of(app=app))
        for secret, onboarding in self._secrets.of_tenant(self._tenant):
            things.setdefault(onboarding, []).append(reasons.A_VAULT_SECRET.of(name=secret))
        for onboarding in sorted(things):
            if onboarding not in known and await self._services.onboardings.load(onboarding) is None:
                finding = recovery.ONBOARDING_UNKNOWN.finding(
                    onboarding=onboarding, found=sorted(things[onboarding], key=str)
                )
                yield Found(finding=finding, onboarding=onboarding)

    async def _current(self, connection: Connection, application: Mapping[str, Any] | None) -> SecretRecord:
        """The client secret that is current in the vault. The application shows when it expires."""
        stored = await self._services.clouds.vault.stored(vault_name(connection.onboarding))
        if stored is None:
            raise RuntimeError("the vault listed a secret that it does not have")
        key = stored.tags["keyId"]
        listed = next(password for password in passwords_of(application or {}) if password.key_id == key)
        return SecretRecord(key_id=key, vault_id=stored.id, ends_at=listed.ends_at)

    async def _record(self, found: Found) -> None:
        """An event in the audit trail of the onboarding. The same correction is the same event."""
        detail = f"{found.finding.title}. {found.finding.detail}"
        log.warning("%s reconciled the onboarding %s: %s", self._author.name, found.onboarding, detail)
        event = Event.by(self._author, run=found.onboarding, at=self._now, kind="reconciled", detail=detail)
        await self._services.onboardings.store.commit([], [replace(event, step=found.finding.code)])


def _found(kind: ErrorType, connection: Connection, **values: Any) -> Found:
    finding = kind.finding(**{"name": connection.name, **values})
    return Found(
        finding=finding, onboarding=connection.onboarding, connection=connection.id, name=connection.name
    )
